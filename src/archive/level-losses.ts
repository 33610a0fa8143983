import type { IngestMark } from './ingest-marks.js'
import * as layout from './level-layout.js'
import { getReadable } from './level-reader.js'
import type { LevelStore } from './level-store.js'

/** Keys looked up at once. */
const READ = 4096

/**
 * Which groups were stored and are gone: their run of ingest order was in the same batch, and everything else of them too.
 * @param marks - in order
 * @param since - up to this number everything was there
 * @param floor - what was sent before this time may have been pruned, with its runs; Unix seconds
 */
export async function lostGroups(
  store: LevelStore,
  marks: readonly IngestMark[],
  { since, floor }: { since: number; floor: number }
): Promise<IngestMark[]> {
  const doubtful = marks.filter(({ lastSeq, newest }) => lastSeq > since && newest >= floor)
  const lost: IngestMark[] = []
  for (let from = 0; from < doubtful.length; from += READ) {
    const some = doubtful.slice(from, from + READ)
    const runs = await getReadable(
      store,
      some.map(({ lastSeq }) => layout.runKey(lastSeq))
    )
    lost.push(...some.filter((_, i) => runs[i] === undefined))
  }
  return lost
}
