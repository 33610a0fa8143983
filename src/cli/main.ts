#!/usr/bin/env node
import { hangUp, reloads } from './hangups.js'

// before the rest is loaded: whoever reloads a node that is only starting must not end it
if (reloads) process.on('SIGHUP', hangUp)
await import('./run.js')
