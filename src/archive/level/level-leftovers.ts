import {
  isUnreadable,
  type LevelOperation,
  type LevelRange,
  type LevelStore,
  readAll
} from '../database/level-store.js'
import * as layout from './level-layout.js'
import { namedAfter, writeTopicCount } from './level-ledger.js'
import { type Reading, readThrough } from './level-reader.js'
import { decodeTotals, TOTALS_KEY, writeTotals } from './level-totals.js'

/** Keys dropped at once; appends get their turn between two. */
const DROPPED = 2000
/** All counts, by a look at all envelopes. */
const MADE_ANEW: LevelOperation[] = [{ type: 'put', key: layout.REPAIR_KEY, value: layout.uint32(1) }]

/**
 * What makes the counts of an archive of a format before 5 those of this one, to be written in one batch with the number of the format: how
 * many envelopes topics had on each day is added up, and what came after that was written.
 */
export async function countsOfTopics(store: LevelStore): Promise<LevelOperation[]> {
  try {
    return (await addedUp(store)) ?? MADE_ANEW
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return MADE_ANEW
  }
}

/** Undefined when they do not agree with each other. */
async function addedUp(store: LevelStore): Promise<LevelOperation[] | undefined> {
  const [value] = await store.getMany([TOTALS_KEY])
  const totals = value && decodeTotals(value)
  if (totals === undefined) return undefined
  const missed = await namedAfter(store, totals.counted)
  const counts = new Map<number, number>()
  for await (const [key, value] of readAll(store, layout.topicDays())) {
    const [day, topic] = [layout.readDay(key), layout.readTopicOfDay(key)]
    const upTo = Math.max(totals.counted, layout.topicCountSeq(value))
    const more = missed.get(topic)?.filter(({ seq, sent }) => seq > upTo && layout.dayOf(sent) === day) ?? []
    counts.set(topic, (counts.get(topic) ?? 0) + layout.readCount(value) + more.length)
  }
  if ([...counts.values()].reduce((sum, n) => sum + n, 0) !== totals.envelopes) return undefined
  const operations: LevelOperation[] = []
  for await (const [key] of readAll(store, layout.allTopics()))
    if (!layout.isWhole(key) || !counts.has(layout.readTopic(key))) operations.push({ type: 'del', key })
  for (const [topic, n] of counts) operations.push(writeTopicCount({ topic, n }, totals.lastSeq))
  operations.push(writeTotals({ ...totals, topics: counts.size, counted: totals.lastSeq }))
  return operations
}

/**
 * Drops what formats before 5 wrote and nobody reads, a little at a time; what is left when that ends is dropped after the next opening.
 * @param step - does a piece of work while nothing else is written
 * @param isOver - whether to end
 */
export async function dropLeftovers(
  store: LevelStore,
  step: (task: () => Promise<void>) => Promise<void>,
  isOver: () => boolean
): Promise<void> {
  for (const bounds of layout.leftovers()) {
    let dropped = 0
    for (let range: LevelRange | undefined = bounds; range !== undefined; ) {
      if (isOver()) return
      const { entries }: Reading = await readThrough(store, range, DROPPED)
      const last = entries.at(-1)
      range = last && { gt: last[0], lt: bounds.lt }
      if (last === undefined) break
      dropped += entries.length
      const operations = entries.map(([key]): LevelOperation => ({ type: 'del', key }))
      await step(() => store.batch(operations, { sync: false }))
    }
    if (dropped > 0) await store.compactRange(bounds.gte, bounds.lt)
  }
}
