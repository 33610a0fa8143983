import type { CheckedFilter } from '../checked-query.js'
import type { LevelRange, LevelStore } from '../database/level-store.js'
import { ArchiveDamagedError } from '../errors.js'
import { pieceOfWork } from '../page.js'
import type { Census, Found } from './level-census.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import { readThrough } from './level-reader.js'

/** Index entries read at once. */
const READ = 2048
/** Opening a window costs about as much as reading so many entries of a day. */
const WINDOW_ENTRIES = 12

/** Which topics are meant: these, or those that pass. */
export type IndexedTopics = number[] | ((topic: number) => boolean)

/** Takes the entries of what matches out of the days' indexes. Yields after each read. @throws ArchiveDamagedError where one is damaged */
export async function* takeIndexed(
  { store, ledger, census }: { store: LevelStore; ledger: Ledger; census: Census },
  { lower, upper }: CheckedFilter,
  topics: IndexedTopics,
  takeEntry: (entry: layout.Entry) => void
): AsyncGenerator<void, void> {
  if (typeof topics !== 'function' && (await census.hidden(topics)).length > 0) throw damaged()
  for (const day of ledger.days(layout.dayOf(lower), layout.dayOf(upper))) {
    const from = Math.max(lower, day * layout.DAY)
    const to = Math.min(upper, (day + 1) * layout.DAY - 1)
    const take = (entry: layout.Entry): void => {
      if (entry.sent >= from && entry.sent <= to) takeEntry(entry)
    }
    if (typeof topics === 'function' || topics.length * WINDOW_ENTRIES > ledger.count(day)) {
      const accepts = acceptsTopic(topics)
      const count = ledger.count(day)
      let read = 0
      const counted = (entry: layout.Entry): void => {
        read++
        if (accepts(entry.topic)) take(entry)
      }
      yield* entries(store, layout.indexDay(day), counted)
      if (read < count && (await census.day(day, 'index')) !== undefined) throw damaged()
      yield
      continue
    }
    let piece = pieceOfWork()
    const [counts = []] = await ledger.topicCounts([day], topics)
    const whole = from === day * layout.DAY && to === layout.lastOf(day)
    const found: Found[] = []
    for (const [i, topic] of topics.entries()) {
      const count = counts[i] as number
      if (count === 0) continue
      let read = 0
      const counted = (entry: layout.Entry): void => {
        read++
        take(entry)
      }
      yield* entries(store, layout.indexRange(day, topic, from, to), counted)
      found.push({ day, topic, count, read, whole })
      if (!piece.over) continue
      yield
      piece = pieceOfWork()
    }
    if ((await census.topics(found)).length > 0) throw damaged()
  }
}

const damaged = (): Error => new ArchiveDamagedError('an index of the archive cannot be read: it is damaged')

export function acceptsTopic(topics: IndexedTopics): (topic: number) => boolean {
  if (typeof topics === 'function') return topics
  const set = new Set(topics)
  return topic => set.has(topic)
}

async function* entries(
  store: LevelStore,
  { bounds, read }: layout.EntryRange,
  take: (entry: layout.Entry) => void
): AsyncGenerator<void, void> {
  let range: LevelRange = bounds
  for (;;) {
    const { entries: found, hole } = await readThrough(store, range, READ)
    // what is worked out of a part of it would be wrong, and nobody could tell
    if (hole) throw damaged()
    for (const [key, value] of found) take(read(key, value))
    const last = found.at(-1)
    if (last === undefined || found.length < READ) return
    yield
    range = { gt: last[0], lt: bounds.lt }
  }
}
