import type { FinishedBlock } from './level-blocks.js'

/** What things cost in microseconds, measured; only their proportions matter. scripts/bench/planner-fit.ts fits them to a machine. */
export const COSTS = {
  scannedRow: 5,
  posting: 9,
  postedEntry: 0.7,
  postedRow: 10
}

/** Entries that are held in memory for a page where blocks overlap in time; with more of them all is scanned. */
export const MAX_HELD = 131_072

/** Where more are asked for, no more is held at once for it. */
const PAGE = 1000

/** What is asked for, as far as it tells what it costs. */
export interface Asked {
  topics: number
  /** Envelopes that there is room for. */
  rows: number
  /** The share of the traffic that is probably of the topics, above 0. */
  share: number
  /** Entries in memory that are looked through. */
  recent: number
  lower: number
}

/**
 * How many of the blocks, which are in the order of their oldest, have to be read before so many envelopes are certain to come next: all that
 * may begin before the last of those. Blocks of what came in the order of time are read one after another; of what came mixed many at once.
 */
export function blocksToRead(
  blocks: readonly FinishedBlock[],
  { rows, perBlock, lower }: { rows: number; perBlock: number; lower: number }
): number {
  const isEnough = (read: number): boolean => {
    const until = (blocks[read] as FinishedBlock).oldest
    if (until <= lower) return false
    let certain = 0
    for (let i = 0; i < read && certain < rows; i++) {
      const { oldest, newest } = blocks[i] as FinishedBlock
      const part = Math.min(until, newest + 1) - Math.max(lower, oldest)
      if (part > 0) certain += (perBlock * part) / (newest + 1 - oldest)
    }
    return certain >= rows
  }
  // more blocks never make less of them certain: by halves, since there may be thousands
  let low = 1
  let high = Math.max(1, blocks.length)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isEnough(middle)) high = middle
    else low = middle + 1
  }
  return Math.min(low, blocks.length)
}

/** Whether a page takes less time out of the postings than by reading everything, and little memory. */
export function isPostedBetter(
  blocks: readonly FinishedBlock[],
  size: number,
  { topics, rows, share, recent, lower }: Asked
): boolean {
  const perBlock = share * size
  const there = Math.min(rows, PAGE, perBlock * Math.max(1, blocks.length))
  const read = blocksToRead(blocks, { rows: there, perBlock, lower })
  if (read * perBlock > MAX_HELD) return false
  const posted =
    read * (topics * COSTS.posting + perBlock * COSTS.postedEntry) +
    recent * COSTS.postedEntry +
    there * COSTS.postedRow
  return posted < (there / share) * COSTS.scannedRow
}
