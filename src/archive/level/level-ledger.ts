import { MAX_UINT32 } from '../../wire/bytes.js'
import {
  type LevelEntry,
  type LevelOperation,
  type LevelRange,
  type LevelStore,
  readAll,
  readRange
} from '../database/level-store.js'
import * as layout from './level-layout.js'
import { getReadable, type Reading, readThrough } from './level-reader.js'
import type { Rebuild } from './level-rebuild.js'
import { runEntries } from './level-runs.js'
import { decodeTotals, NO_TOTALS, TOTALS_KEY, type Totals, writeTotals } from './level-totals.js'
import { RecentCounts, type TopicCount } from './recent-counts.js'
import type { TopicDictionary } from './topic-dictionary.js'

/** Counts of topics that are kept in memory. */
const MAX_RECENT = 1 << 16
/** Keys read at once. */
const READ = 1000
const count = layout.readCount
const LAST_DAY = layout.dayOf(MAX_UINT32)

/** Where an envelope counts. */
type Place = Pick<layout.Entry, 'sent' | 'topic' | 'size'>

/** A change of the count of a topic. */
interface TopicChange {
  topic: number
  by: number
  known: TopicCount | undefined
}

/** A change of the counts: operations for the batch that stores the envelopes, and what to do once it is on disk. */
export interface LedgerChange {
  operations: LevelOperation[]
  apply(): void
}

/**
 * All counts of the archive. Each is written in the batch that changes what it counts; that of a topic only when the topic is new or gone,
 * or something of it is deleted, and now and then.
 */
export class Ledger {
  readonly #store: LevelStore
  readonly #dictionary: TopicDictionary
  readonly #maxBehind: number
  #totals: Totals = NO_TOTALS
  #days = new Map<number, number>()
  #isConsistent = true
  #isSure = true
  #sortedDays: number[] | undefined
  readonly #recent = new RecentCounts()

  /**
   * @param maxBehind - so many envelopes at most are not in the counts of topics on disk: they were nearly a third of the keys written.
   *   Opening the archive catches up on them by the runs of ingest order
   */
  constructor(store: LevelStore, dictionary: TopicDictionary, maxBehind: number) {
    this.#maxBehind = maxBehind
    this.#store = store
    this.#dictionary = dictionary
  }

  get totals(): Readonly<Totals> {
    return this.#totals
  }

  /** Takes the counts from disk, as they were after the last batch that reached it. */
  async load(): Promise<void> {
    const take = await this.read()
    take()
  }

  /** Reads the counts as `load` does; what is returned takes them, at a moment that suits others who read anew. */
  async read(): Promise<() => void> {
    const [value] = await this.#store.getMany([TOTALS_KEY])
    const [last] = await readRange(this.#store, { ...layout.allRuns(), reverse: true }, 1)
    const lastRun = last === undefined ? 0 : lastOfRun(last)
    const known = value && decodeTotals(value)
    const found = known ?? { ...NO_TOTALS, lastSeq: lastRun ?? 0, counted: lastRun ?? 0 }
    const totals = found.counted < found.lastSeq ? await this.#catchUp(found) : found
    const days = new Map<number, number>()
    let spoiled = known === undefined && value !== undefined
    for await (const [key, count] of readAll(this.#store, layout.dayCounts()))
      if (layout.isWhole(key) && layout.isCount(count) && layout.readDay(key) <= LAST_DAY)
        days.set(layout.readDay(key), layout.readCount(count))
      else spoiled = true
    return () => {
      this.#totals = totals
      this.#days = days
      this.#isSure = known !== undefined
      this.#isConsistent = !spoiled && (lastRun ?? 0) <= totals.lastSeq && sumOf(days) === totals.envelopes
      this.#sortedDays = undefined
      this.#recent.clear(last === undefined && totals.lastSeq === 0)
      this.#dictionary.reset()
    }
  }

  /** Whether the totals were there, and whole: no more was ever stored than numbers were given out. */
  get isSure(): boolean {
    return this.#isSure
  }

  /** Whether what was loaded agrees with itself. Where it does not, the counts have to be made anew. */
  get isConsistent(): boolean {
    return this.#isConsistent
  }

  /** Whether all counts are those. */
  async agrees({ report, bytes, days, topics }: Rebuild): Promise<boolean> {
    const { totals } = this
    if (totals.envelopes !== report.envelopes || totals.bytes !== bytes || this.#days.size !== days.size) return false
    if (totals.topics !== topics.size) return false
    for (const [day, n] of days) if (this.count(day) !== n) return false
    const counts = await this.topicCounts([...topics.keys()])
    return [...topics.values()].every((n, i) => n === counts[i]) && (await this.#hasNoOther(topics))
  }

  async #hasNoOther(topics: ReadonlyMap<number, number>): Promise<boolean> {
    const table = layout.allTopics()
    for (let range: LevelRange | undefined = table; range !== undefined; ) {
      const { entries }: Reading = await readThrough(this.#store, range, READ)
      for (const [key] of entries) if (!layout.isWhole(key) || !topics.has(layout.readTopic(key))) return false
      const last = entries.at(-1)
      range = last && { gt: last[0], lt: table.lt }
    }
    return true
  }

  /** What writes these counts in place of all there are. */
  async replacement({ report, bytes, days, topics }: Rebuild, lastSeq: number): Promise<LevelOperation[]> {
    const operations: LevelOperation[] = []
    for (const table of [layout.dayCounts(), layout.allTopics()])
      for (let range: LevelRange | undefined = table; range !== undefined; ) {
        const { entries }: Reading = await readThrough(this.#store, range, READ)
        for (const [key] of entries) operations.push({ type: 'del', key })
        const last = entries.at(-1)
        range = last && { gt: last[0], lt: table.lt }
      }
    for (const [day, n] of days) operations.push(writeDayCount(day, n))
    for (const [topic, n] of topics) operations.push(writeTopicCount({ topic, n }, lastSeq))
    const totals = { lastSeq, envelopes: report.envelopes, bytes, topics: topics.size, counted: lastSeq }
    return [...operations, writeTotals(totals)]
  }

  /** Days between two, inclusive, that hold envelopes, ascending. */
  days(first: number, last: number): number[] {
    this.#sortedDays ??= [...this.#days.keys()].sort((a, b) => a - b)
    return this.#sortedDays.filter(day => day >= first && day <= last)
  }

  /** Envelopes of a day. */
  count(day: number): number {
    return this.#days.get(day) ?? 0
  }

  /** How many envelopes each topic has. Null where that cannot be read. */
  async topicCounts(topics: number[]): Promise<(number | null)[]> {
    const counts: (number | null)[] = []
    for (let from = 0; from < topics.length; from += READ) {
      const some = topics.slice(from, from + READ)
      const stored = await getReadable(this.#store, some.map(layout.topicKey))
      some.forEach((topic, i) => {
        const value = stored[i]
        const spoiled = value === null || (value !== undefined && !layout.isCount(value))
        counts.push(this.#recent.get(topic)?.n ?? (spoiled ? null : count(value)))
      })
    }
    return counts
  }

  /**
   * Works out the counts after `entries` come (`+1`) or go (`-1`). Only one change may be under way.
   * @param isBehind - whether the counts of topics on disk may be behind it; a run that names what is counted already would be counted twice
   */
  async change(
    entries: Place[],
    sign: 1 | -1,
    { lastSeq = this.#totals.lastSeq, isBehind = true }: { lastSeq?: number; isBehind?: boolean } = {}
  ): Promise<LedgerChange> {
    const operations: LevelOperation[] = []
    const totals = { ...this.#totals, lastSeq }
    const days = new Map<number, number>()
    const topics = new Map<number, number>()
    for (const { sent, topic, size } of entries) {
      const day = layout.dayOf(sent)
      days.set(day, (days.get(day) ?? this.count(day)) + sign)
      topics.set(topic | 0, (topics.get(topic | 0) ?? 0) + sign)
      totals.envelopes += sign
      totals.bytes += sign * size
    }
    const changes = [...topics].map(([signed, by]): TopicChange => {
      const topic = signed >>> 0
      return { topic, by, known: this.#recent.get(topic) }
    })
    const full = this.#recent.size + changes.length > MAX_RECENT
    const flush = full || !isBehind || lastSeq - totals.counted >= this.#maxBehind
    if (flush) totals.counted = lastSeq
    const { added, removed, counts } = await this.#countTopics(changes, { operations, lastSeq, flush })
    totals.topics += added.length - removed.length
    for (const [day, n] of days) operations.push(writeDayCount(day, n))
    operations.push(writeTotals(totals))
    return {
      operations,
      apply: () => {
        this.#totals = totals
        if (flush) for (const count of this.#recent.behind()) count.behind = false
        if (full) this.#recent.clear()
        for (const count of counts) this.#recent.set(count)
        for (const [day, n] of days) {
          if (!this.#days.has(day) || n === 0) this.#sortedDays = undefined
          if (n === 0) this.#days.delete(day)
          else this.#days.set(day, n)
        }
        this.#dictionary.update(added, removed)
      }
    }
  }

  async #countTopics(
    changes: TopicChange[],
    { operations, lastSeq, flush }: { operations: LevelOperation[]; lastSeq: number; flush: boolean }
  ) {
    const before = await this.#countsBefore(changes)
    const unwritten = new Set(flush ? this.#recent.behind() : [])
    const added: number[] = []
    const removed: number[] = []
    const counts = changes.map(({ topic, by, known }, i): TopicCount => {
      const was = before[i] as number
      const n = was + by
      const behind = !flush && was > 0 && by > 0
      if (!behind) operations.push(writeTopicCount({ topic, n }, lastSeq))
      if (known !== undefined) unwritten.delete(known)
      if (was === 0) added.push(topic)
      if (n === 0) removed.push(topic)
      return { topic, n, behind }
    })
    for (const count of unwritten) operations.push(writeTopicCount(count, lastSeq))
    return { added, removed, counts }
  }

  /** Brings the counts of topics on disk up to the last envelope, and returns the totals that say so. */
  async #catchUp(totals: Totals): Promise<Totals> {
    const { counted, lastSeq } = totals
    const missed = await namedAfter(this.#store, counted)
    const topics = [...missed.keys()]
    const caughtUp = { ...totals, counted: lastSeq }
    const operations: LevelOperation[] = [writeTotals(caughtUp)]
    for (let from = 0; from < topics.length; from += READ) {
      const some = topics.slice(from, from + READ)
      const values = await this.#store.getMany(some.map(layout.topicKey))
      some.forEach((topic, i) => {
        const value = values[i]
        // everything of it was deleted again
        if (value === undefined) return
        const upTo = Math.max(counted, layout.topicCountSeq(value))
        const n = count(value) + (missed.get(topic) ?? []).filter(({ seq }) => seq > upTo).length
        operations.push(writeTopicCount({ topic, n }, lastSeq))
      })
    }
    await this.#store.batch(operations, { sync: true })
    return caughtUp
  }

  /** Reads what is not known; of new traffic nearly all is, and nobody waits for the disk. */
  async #countsBefore(changes: TopicChange[]): Promise<number[]> {
    const known = changes.map(({ topic }) => this.#recent.count(topic))
    const keys = changes.flatMap(({ topic }, i) => (known[i] === undefined ? [layout.topicKey(topic)] : []))
    const read = keys.length === 0 ? [] : await this.#store.getMany(keys)
    let next = 0
    return known.map(n => n ?? count(read[next++]))
  }
}

/** What the runs of ingest order name behind a number, by topic. */
export async function namedAfter(
  store: LevelStore,
  counted: number
): Promise<Map<number, { seq: number; sent: number }[]>> {
  const named = new Map<number, { seq: number; sent: number }[]>()
  for await (const [key, value] of readAll(store, layout.runsFrom(counted + 1))) {
    if (!layout.isWhole(key)) continue
    const lastSeq = layout.readRunSeq(key)
    const bytes = runEntries(lastSeq, value)
    const run = (bytes && layout.decodeRun(bytes)) ?? []
    run.forEach((entry, i) => {
      if (layout.isDropped(entry)) return
      const { sent, topic } = entry
      const of = named.get(topic)
      const seq = lastSeq - run.length + 1 + i
      if (of === undefined) named.set(topic, [{ seq, sent }])
      else of.push({ seq, sent })
    })
  }
  return named
}

/** The last number of a stored run; undefined where it is not what was written. */
function lastOfRun([key, value]: LevelEntry): number | undefined {
  if (!layout.isWhole(key)) return undefined
  const lastSeq = layout.readRunSeq(key)
  return runEntries(lastSeq, value) === undefined ? undefined : lastSeq
}

function sumOf(counts: Map<number, number>): number {
  let sum = 0
  for (const n of counts.values()) sum += n
  return sum
}

export function writeTopicCount({ topic, n }: { topic: number; n: number }, lastSeq: number): LevelOperation {
  const key = layout.topicKey(topic)
  return n === 0 ? { type: 'del', key } : { type: 'put', key, value: layout.topicCount(n, lastSeq) }
}

function writeDayCount(day: number, n: number): LevelOperation {
  const key = layout.dayCountKey(day)
  return n === 0 ? { type: 'del', key } : { type: 'put', key, value: layout.uint32(n) }
}
