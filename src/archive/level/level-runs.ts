import { crc32 } from 'node:zlib'
import { readUint32 } from '../../wire/bytes.js'
import type { LevelRange, LevelStore } from '../database/level-store.js'
import { put32 } from './level-bytes.js'
import * as layout from './level-layout.js'
import { type Reading, readThrough } from './level-reader.js'

/** Runs read at once. */
const RUNS = 64
/** Ages of runs read at once. */
const READ = 1000
const CHECKSUM = 4

/** A run before it is written: what to store, and its entries in there, which are to be filled in before it is sealed. */
export interface NewRun {
  value: Uint8Array
  entries: Uint8Array
}

export function newRun(length: number): NewRun {
  const value = new Uint8Array(length * layout.RUN_ENTRY_BYTES + CHECKSUM)
  return { value, entries: value.subarray(0, value.length - CHECKSUM) }
}

/** Writes the checksum of a run: the CRC-32 of its entries, begun with its last number. */
export function sealRun({ value, entries }: NewRun, lastSeq: number): void {
  put32(value, entries.length, crc32(entries, lastSeq >>> 0))
}

/** The entries of a stored run as they are there, 44 bytes each; undefined when it is not what was written. Formats before 5 had no checksum. */
export function runEntries(lastSeq: number, value: Uint8Array): Uint8Array | undefined {
  const rest = value.length % layout.RUN_ENTRY_BYTES
  if (rest === 0) return value
  if (rest !== CHECKSUM) return undefined
  const entries = value.subarray(0, value.length - CHECKSUM)
  return readUint32(value, entries.length) === crc32(entries, lastSeq >>> 0) ? entries : undefined
}

/** What is stored of a run in which some entries, by index, keep their numbers and name nothing any more. */
export function runWithout(entries: Uint8Array, indexes: readonly number[], lastSeq: number): Uint8Array {
  const run = newRun(entries.length / layout.RUN_ENTRY_BYTES)
  run.entries.set(layout.withoutEntries(entries, indexes))
  sealRun(run, lastSeq)
  return run.value
}

/**
 * Goes through the runs of ingest order that have a number above `after` and none above `last`; false when something cannot be read.
 * @param take - given the last number and the entries, undefined when they are not what was written, and the first number; false ends it
 */
export async function throughRuns(
  store: LevelStore,
  { after, last }: { after: number; last: number },
  take: (lastSeq: number, run: Uint8Array | undefined, firstSeq: number) => boolean
): Promise<boolean> {
  const bounds = layout.runsFrom(after + 1)
  for (let range: LevelRange | undefined = bounds; range !== undefined; ) {
    const { entries, hole }: Reading = await readThrough(store, range, RUNS)
    if (hole) return false
    for (const [key, value] of entries) {
      if (!layout.isWhole(key)) return false
      const lastSeq = layout.readRunSeq(key)
      const firstSeq = lastSeq - Math.floor(value.length / layout.RUN_ENTRY_BYTES) + 1
      if (firstSeq > last) return true
      if (!take(lastSeq, runEntries(lastSeq, value), firstSeq)) return false
      if (lastSeq >= last) return true
    }
    const end = entries.at(-1)
    range = end && { gt: end[0], lt: bounds.lt }
  }
  return true
}

/** Whether a run above a number is gone that was not forgotten: both its records went then. */
export async function isRunMissing(
  store: LevelStore,
  after: number,
  isThere: (lastSeq: number) => boolean
): Promise<boolean> {
  const bounds = layout.runsUntil(0xffff_ffff)
  for (let range: LevelRange | undefined = bounds; range !== undefined; ) {
    const { entries, hole }: Reading = await readThrough(store, range, READ)
    if (hole) return true
    for (const [key] of entries) {
      if (!layout.isWhole(key)) return true
      const lastSeq = layout.readRunAgeSeq(key)
      if (lastSeq > after && !isThere(lastSeq)) return true
    }
    const end = entries.at(-1)
    range = end && { gt: end[0], lt: bounds.lt }
  }
  return false
}
