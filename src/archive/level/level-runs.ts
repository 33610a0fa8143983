import type { LevelRange, LevelStore } from '../database/level-store.js'
import * as layout from './level-layout.js'
import { type Reading, readThrough } from './level-reader.js'

/** Runs read at once. */
const RUNS = 64

/** Goes through the runs of ingest order that have a number above `after` and none above `last`; false when something cannot be read. */
export async function throughRuns(
  store: LevelStore,
  { after, last }: { after: number; last: number },
  take: (lastSeq: number, run: Uint8Array) => void
): Promise<boolean> {
  const bounds = layout.runsFrom(after + 1)
  for (let range: LevelRange | undefined = bounds; range !== undefined; ) {
    const { entries, hole }: Reading = await readThrough(store, range, RUNS)
    if (hole) return false
    for (const [key, value] of entries) {
      if (value.length % layout.RUN_ENTRY_BYTES !== 0) return false
      const lastSeq = layout.readRunSeq(key)
      if (lastSeq - value.length / layout.RUN_ENTRY_BYTES + 1 > last) return true
      take(lastSeq, value)
      if (lastSeq >= last) return true
    }
    const end = entries.at(-1)
    range = end && { gt: end[0], lt: bounds.lt }
  }
  return true
}
