import type { LevelStore } from '../database/level-store.js'
import type { TopicFloors } from '../topic-floors.js'
import type { IngestMark } from './ingest-marks.js'
import type { Blocks } from './level-blocks.js'
import * as layout from './level-layout.js'
import { getReadable } from './level-reader.js'

/** Keys looked up at once. */
const READ = 4096
const WHOLE = { rows: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }

/**
 * Which groups were stored and are gone: their run of ingest order was in the same batch, and everything else of them too. Of a group
 * in a finished block, what the block names is looked for instead.
 * @param marks - in order
 * @param since - up to this number everything was there
 * @param floors - what was sent before them may have been pruned, with its runs
 */
export async function lostGroups(
  store: LevelStore,
  marks: readonly IngestMark[],
  { since, floors, blocks }: { since: number; floors: TopicFloors; blocks: Blocks }
): Promise<IngestMark[]> {
  const doubtful = marks.filter(({ lastSeq, newest }) => lastSeq > since && newest >= floors.lowest)
  const lost: IngestMark[] = []
  for (let from = 0; from < doubtful.length; from += READ) {
    const some = doubtful.slice(from, from + READ)
    const runs = await getReadable(
      store,
      some.map(({ lastSeq }) => layout.runKey(lastSeq))
    )
    for (const mark of some.filter((_, i) => runs[i] === undefined))
      if (mark.lastSeq > blocks.end || (await isLost(store, mark, { floors, blocks }))) lost.push(mark)
  }
  return lost
}

async function isLost(
  store: LevelStore,
  { lastSeq, count }: IngestMark,
  { floors, blocks }: { floors: TopicFloors; blocks: Blocks }
): Promise<boolean> {
  const block = blocks.of(lastSeq)
  const posted = await blocks.read(block)
  const first = Math.max(lastSeq - count, blocks.before(block))
  const entries = posted.take(first, ({ sent, topic }) => !floors.include(sent, topic), WHOLE)
  const named = entries.filter(({ seq }) => seq <= lastSeq)
  const rows = await getReadable(store, named.map(layout.envelopeKey))
  return rows.some(row => row === undefined)
}
