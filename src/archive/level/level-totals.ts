import { crc32 } from 'node:zlib'
import { readUint32 } from '../../wire/bytes.js'
import type { LevelOperation } from '../database/level-store.js'
import { isSafe64, put32 } from './level-bytes.js'
import * as layout from './level-layout.js'

/** What the archive holds as a whole. */
export interface Totals {
  /** Last ingest sequence number given out: never goes back, not even when everything was pruned. */
  lastSeq: number
  envelopes: number
  /** Sum of raw envelope bytes. */
  bytes: number
  /** Distinct topics. */
  topics: number
  /** Everything up to this sequence number is in the counts of topics by day that are on disk. */
  counted: number
}

export const TOTALS_KEY = layout.metaKey('totals')

/** Five numbers of 8 bytes, and a CRC-32 of them; format 1 did not write the last one, since it counted everything. */
const SIZE = 40
const FIRST_SIZE = 32
const CHECKSUM = 4

export const NO_TOTALS: Totals = { lastSeq: 0, envelopes: 0, bytes: 0, topics: 0, counted: 0 }

export function writeTotals({ lastSeq, envelopes, bytes, topics, counted }: Totals): LevelOperation {
  const value = new Uint8Array(SIZE + CHECKSUM)
  for (const [i, n] of [lastSeq, envelopes, bytes, topics, counted].entries()) layout.put64(value, i * 8, n)
  put32(value, SIZE, crc32(value.subarray(0, SIZE)))
  return { type: 'put', key: TOTALS_KEY, value }
}

/** Undefined when they are not what was written; older versions wrote no checksum. */
export function decodeTotals(value: Uint8Array): Totals | undefined {
  if (value.length !== SIZE + CHECKSUM && value.length !== SIZE && value.length !== FIRST_SIZE) return undefined
  if (value.length > SIZE && readUint32(value, SIZE) !== crc32(value.subarray(0, SIZE))) return undefined
  const places = [0, 8, 16, 24, 32].filter(at => at < value.length - CHECKSUM)
  if (!places.every(at => isSafe64(value, at))) return undefined
  const [lastSeq, envelopes, bytes, topics, counted = lastSeq] = places.map(at => layout.read64(value, at))
  return { lastSeq, envelopes, bytes, topics, counted } as Totals
}
