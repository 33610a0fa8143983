import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Prng } from '../../test/archive/prng.js'
import { MissedError } from './missed.js'

/** What LevelDB keeps, by the names of its files. */
const FILES = { log: /^\d+\.log$/, table: /^\d+\.ldb$/, manifest: /^MANIFEST-\d+$/ }

/** Flips one bit, drawn by lot, of the largest file of a kind. Returns where that was. @throws MissedError when there is none */
export function flipBit(database: string, kind: keyof typeof FILES, prng: Prng): string {
  const [largest] = readdirSync(database)
    .filter(name => FILES[kind].test(name))
    .map(name => ({ name, size: statSync(join(database, name)).size }))
    .sort((a, b) => b.size - a.size)
  if (largest === undefined || largest.size === 0) {
    throw new MissedError(`there is no ${kind} to damage in ${database}`)
  }
  const at = prng.below(largest.size)
  const byte = new Uint8Array(1)
  const file = openSync(join(database, largest.name), 'r+')
  readSync(file, byte, 0, 1, at)
  byte[0] = (byte[0] as number) ^ (1 << prng.below(8))
  writeSync(file, byte, 0, 1, at)
  closeSync(file)
  return `one bit of byte ${at} of ${largest.size} of ${largest.name}`
}
