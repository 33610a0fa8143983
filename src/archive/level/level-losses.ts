import { type Gap, GapKind } from '../../wire/request/coverage.js'
import type { LevelStore } from '../database/level-store.js'
import type { TopicFloors } from '../topic-floors.js'
import type { IngestMark } from './ingest-marks.js'
import type { Blocks } from './level-blocks.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import { getReadable } from './level-reader.js'
import type { Rebuild } from './level-rebuild.js'

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

export const gapOfGroup = ({ count, oldest, newest }: IngestMark): Gap => ({
  from: oldest,
  until: newest,
  kind: GapKind.damaged,
  count
})

/** Where groups stood in the order of ingest, in words. @param groups - in order */
export function numbersOf(groups: readonly IngestMark[]): string {
  const [first, last] = [groups[0], groups.at(-1)]
  if (first === undefined || last === undefined) return ''
  const others = groups.length > 1 ? 'of ' : ''
  return ` (${others}numbers ${first.lastSeq - first.count + 1} to ${last.lastSeq} of the order of ingest)`
}

/**
 * What was counted, is not there, and nothing else tells of: where a table is lost as a whole, the order of ingest that named what lay in
 * it may be lost with it.
 * @param rebuild - run, while the counts are those of before
 * @param known - what is lost and was told already
 * @param lastSeq - no more than that was ever stored, where it is certain
 */
export function uncounted(
  ledger: Ledger,
  { days: found, report }: Rebuild,
  { known, lastSeq, now }: { known: readonly Gap[]; lastSeq: number; now: number }
): Gap[] {
  const counts = new Map(ledger.days(0, 0xffff).map(day => [day, ledger.count(day)]))
  const gaps: Gap[] = []
  // the sum may be lost, too, or be older than they are
  const counted = Math.max(ledger.totals.envelopes, sumOf(counts.values()))
  const all = ledger.isSure ? Math.min(counted, lastSeq) : counted
  let left = all - report.envelopes - sumOf(known.map(({ count }) => count))
  for (const [day, n] of counts) {
    const [from, until] = [day * layout.DAY, Math.max(day * layout.DAY, Math.min(layout.lastOf(day), now))]
    const told = known.filter(gap => gap.from <= until && gap.until >= from).map(({ count }) => count)
    const count = Math.min(left, n - (found.get(day) ?? 0) - sumOf(told))
    if (count <= 0) continue
    left -= count
    gaps.push({ from, until, kind: GapKind.damaged, count })
  }
  // of the rest not even the day is known
  if (left > 0) gaps.push({ from: 0, until: Math.floor(now), kind: GapKind.damaged, count: left })
  return gaps
}

function sumOf(numbers: Iterable<number>): number {
  let sum = 0
  for (const n of numbers) sum += n
  return sum
}
