import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { ConfigError, readConfig } from '../../../src/node/settings/config.js'
import { startShape } from '../../../src/node/settings/start-config.js'
import { check, checkSmall, type FuzzTarget, read } from '../oracle.js'

const path = join(tmpdir(), `waku-fuzz-config-${process.pid}-${threadId}.json`)
process.on('exit', () => rmSync(path, { force: true }))
const isUint32 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff

/** A configuration file. */
export const fuzz: FuzzTarget = input => {
  writeFileSync(path, input)
  const config = read(() => readConfig(startShape, { flags: { config: path }, env: {} }), ConfigError)
  if (config === undefined) return false
  checkSmall(JSON.stringify(config), input, { factor: 64 })
  for (const seconds of [config.retention, config['max-ttl']]) {
    check(seconds === undefined || seconds === 'forever' || isUint32(seconds), 'a duration out of its range')
  }
  for (const pow of [config['min-pow'], config['request-pow']]) {
    check(pow === undefined || (Number.isFinite(pow) && pow >= 0), 'a proof of work out of its range')
  }
  for (const { topic, seconds, bytes } of config['retention-topics'] ?? []) {
    check(topic.length === 4 && (seconds ?? bytes) !== undefined, 'a topic with an age or a size')
    check((seconds ?? 1) >= 1 && (bytes ?? 1024 * 1024) >= 1024 * 1024, 'a retention of a topic out of its range')
  }
  for (const { topic } of config['archive-topics'] ?? []) check(topic.length === 4, 'a topic is 4 bytes')
  check(!('once' in config) && !('json' in config) && !('self-check' in config), 'a file sets what is for one run')
  return true
}
