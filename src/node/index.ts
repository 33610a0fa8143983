/**
 * What an application in Node may want beside the services: the archive and the records of a node in one LevelDB folder, and the
 * daemon as a whole.
 *
 * @packageDocumentation
 */
import '../base/polyfill.js'

export { type Database, openDatabase } from '../archive/database.js'
export { DataDirLockedError } from '../archive/errors.js'
export { ConfigError, type ConfigSources, readConfig } from './config.js'
export { Daemon } from './daemon.js'
export { DigestThread } from './digest-thread.js'
export { useQuickKeccak } from './quick-keccak.js'
export { type StartConfig, startShape } from './start-config.js'
