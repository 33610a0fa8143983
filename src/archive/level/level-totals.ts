import type { LevelOperation } from '../database/level-store.js'
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

export const NO_TOTALS: Totals = { lastSeq: 0, envelopes: 0, bytes: 0, topics: 0, counted: 0 }

export function writeTotals({ lastSeq, envelopes, bytes, topics, counted }: Totals): LevelOperation {
  const value = new Uint8Array(40)
  for (const [i, n] of [lastSeq, envelopes, bytes, topics, counted].entries()) layout.put64(value, i * 8, n)
  return { type: 'put', key: TOTALS_KEY, value }
}

/** Undefined when they cannot be read. */
export function decodeTotals(value: Uint8Array): Totals | undefined {
  if (value.length !== 32 && value.length !== 40) return undefined
  try {
    const [lastSeq, envelopes, bytes, topics] = [0, 8, 16, 24].map(at => layout.read64(value, at))
    // what format 1 wrote counts everything
    const counted = value.length === 40 ? layout.read64(value, 32) : lastSeq
    return { lastSeq, envelopes, bytes, topics, counted } as Totals
  } catch {
    return undefined // a number that is too large
  }
}
