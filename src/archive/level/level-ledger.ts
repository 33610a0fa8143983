import { readUint32 } from '../../wire/bytes.js'
import { type LevelOperation, type LevelRange, type LevelStore, readAll, readRange } from '../database/level-store.js'
import * as layout from './level-layout.js'
import { getCertain, getReadable, type Reading, readThrough } from './level-reader.js'
import type { Rebuild } from './level-rebuild.js'
import { decodeTotals, NO_TOTALS, TOTALS_KEY, type Totals, writeTotals } from './level-totals.js'
import { ReadCounts } from './read-counts.js'
import { RecentCounts, type TopicCount } from './recent-counts.js'
import type { TopicDictionary } from './topic-dictionary.js'
import { TopicSpans } from './topic-spans.js'

/** Counts of topics by day that are kept in memory: what is heard now is mostly of few days. */
const MAX_RECENT = 1 << 16
/** Keys read at once. */
const READ = 1000
const count = layout.readCount

/** Where an envelope counts. */
type Place = Pick<layout.Entry, 'sent' | 'topic' | 'size'>

/** A change of the count of a topic on a day. */
interface TopicChange {
  day: number
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
 * All counts of the archive. Each is written in the batch that changes what it counts; that of a topic on a day only when
 * the topic begins or ends there, or something of it is deleted, and now and then.
 */
export class Ledger {
  readonly #store: LevelStore
  readonly #dictionary: TopicDictionary
  readonly #maxBehind: number
  #totals: Totals = NO_TOTALS
  #days = new Map<number, number>()
  #isConsistent = true
  #sortedDays: number[] | undefined
  readonly #recent = new RecentCounts()
  readonly #read = new ReadCounts()
  readonly #spans = new TopicSpans()

  /**
   * @param maxBehind - so many envelopes at most are not in the counts of topics by day on disk: they were nearly a third of the keys
   *   written. Opening the archive catches up on them by the runs of ingest order
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
    const [last] = await readRange(this.#store, { ...layout.runsFrom(0), reverse: true }, 1)
    const lastRun = last === undefined ? 0 : layout.readRunSeq(last[0])
    const found = (value && decodeTotals(value)) ?? { ...NO_TOTALS, lastSeq: lastRun, counted: lastRun }
    const totals = found.counted < found.lastSeq ? await this.#catchUp(found) : found
    const days = new Map<number, number>()
    for await (const [key, count] of readAll(this.#store, layout.dayCounts()))
      days.set(layout.readDay(key), readUint32(count, 0))
    return () => {
      this.#totals = totals
      this.#days = days
      this.#isConsistent = lastRun <= totals.lastSeq && sumOf(days) === totals.envelopes
      this.#sortedDays = undefined
      this.#recent.clear()
      this.#read.clear()
      this.#spans.reset(last === undefined && totals.lastSeq === 0)
      this.#dictionary.reset()
    }
  }

  /** Whether what was loaded agrees with itself. Where it does not, the counts have to be made anew. */
  get isConsistent(): boolean {
    return this.#isConsistent
  }

  /** Whether all counts are those. */
  async agrees({ report, bytes, days, topics }: Rebuild): Promise<boolean> {
    const { totals } = this
    const spans = [...topics]
    if (totals.envelopes !== report.envelopes || totals.bytes !== bytes || this.#days.size !== days.size) return false
    if (totals.topics !== spans.length) return false
    for (const [day, topics] of days) {
      if (this.count(day) !== sumOf(topics)) return false
      const [counts = []] = await this.topicCounts([day], [...topics.keys()])
      if ([...topics.values()].some((n, i) => n !== counts[i])) return false
    }
    const written = await getReadable(
      this.#store,
      spans.map(([topic]) => layout.topicKey(topic))
    )
    return spans.every(([, n], i) => written[i] !== null && n === count(written[i] ?? undefined))
  }

  /** What writes these counts in place of all there are. */
  async replacement({ report, bytes, days, topics }: Rebuild, lastSeq: number): Promise<LevelOperation[]> {
    const operations: LevelOperation[] = []
    for (const table of [layout.allTopicCounts(), layout.dayCounts(), layout.allTopics()])
      for (let range: LevelRange | undefined = table; range !== undefined; ) {
        const { entries }: Reading = await readThrough(this.#store, range, READ)
        for (const [key] of entries) operations.push({ type: 'del', key })
        const last = entries.at(-1)
        range = last && { gt: last[0], lt: table.lt }
      }
    for (const [day, counts] of days) {
      operations.push(write(layout.dayCountKey(day), sumOf(counts)))
      for (const [topic, n] of counts) operations.push(writeTopicCount({ day, topic, n }, lastSeq))
    }
    for (const [topic, n] of topics) operations.push(write(layout.topicKey(topic), n))
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

  /** Those of some topics that the archive has something of, or may have. */
  async present(topics: number[]): Promise<number[]> {
    const known = await this.#dictionary.all(this.#totals.topics)
    if (known !== undefined) return topics.filter(topic => known.has(topic))
    const keys = topics.map(layout.topicKey)
    const stored = await getCertain(this.#store, keys)
    return topics.filter((_, i) => stored[i] !== undefined)
  }

  /** How many envelopes each topic has on each day, day by day in the order of `topics`. */
  async topicCounts(days: number[], topics: number[]): Promise<number[][]> {
    const pairs = days.flatMap(day => topics.map(topic => ({ day, topic })))
    const known = ({ day, topic }: { day: number; topic: number }): number | undefined =>
      this.#recent.count(day, topic) ?? this.#read.get(day, topic)
    const before = pairs.map(known)
    const unknown = pairs.filter((_, i) => before[i] === undefined)
    const read = unknown.length === 0 ? [] : await this.#readCounts(unknown)
    let next = 0
    const counts = pairs.map((pair, i) => {
      const n = before[i] ?? (read[next++] as number)
      // what came meanwhile counts
      return known(pair) ?? n
    })
    return days.map((_, i) => counts.slice(i * topics.length, (i + 1) * topics.length))
  }

  async #readCounts(pairs: { day: number; topic: number }[]): Promise<number[]> {
    const { version } = this.#read
    const keys = pairs.map(({ day, topic }) => layout.topicCountKey(day, topic))
    const stored = await getReadable(this.#store, keys)
    return pairs.map(({ day, topic }, i) => {
      const value = stored[i]
      const n = count(value ?? undefined)
      const key = keys[i] as Uint8Array
      // better a look too many than a topic that is hidden; no count is stored that is 0
      const doubtful = value !== undefined || this.#store.isDoubtful?.(key, key) === true
      if (value === null || (n === 0 && doubtful)) return Math.max(1, n)
      this.#read.set(day, topic, n, version)
      return n
    })
  }

  /** Works out the counts after `entries` come (`+1`) or go (`-1`). Only one change may be under way. */
  async change(entries: Place[], sign: 1 | -1, lastSeq = this.#totals.lastSeq): Promise<LedgerChange> {
    const operations: LevelOperation[] = []
    const totals = { ...this.#totals, lastSeq }
    const byDay = new Map<number, Map<number, number>>()
    for (const { sent, topic, size } of entries) {
      const day = layout.dayOf(sent)
      let topics = byDay.get(day)
      if (topics === undefined) {
        topics = new Map()
        byDay.set(day, topics)
      }
      topics.set(topic | 0, (topics.get(topic | 0) ?? 0) + sign)
      totals.envelopes += sign
      totals.bytes += sign * size
    }
    const changes: TopicChange[] = []
    const days = new Map<number, number>()
    for (const [day, topics] of byDay) {
      let sum = this.count(day)
      for (const [signed, by] of topics) {
        const topic = signed >>> 0
        changes.push({ day, topic, by, known: this.#recent.get(day, topic) })
        sum += by
      }
      days.set(day, sum)
    }
    const full = this.#recent.size + changes.length > MAX_RECENT
    const flush = full || lastSeq - totals.counted >= this.#maxBehind
    if (flush) totals.counted = lastSeq
    const begun = [...byDay.keys()].filter(day => this.count(day) === 0)
    const { added, removed, counts, spans } = await this.#countTopics(changes, { operations, lastSeq, flush })
    totals.topics += added.length - removed.length
    for (const [day, n] of days) operations.push(write(layout.dayCountKey(day), n))
    operations.push(writeTotals(totals))
    return {
      operations,
      apply: () => {
        this.#totals = totals
        if (flush) for (const count of this.#recent.behind()) count.behind = false
        if (full) this.#recent.clear()
        for (const day of begun) this.#recent.begin(day)
        for (const count of counts) this.#recent.set(count)
        this.#read.forget(full ? [] : changes)
        if (full) this.#read.clear()
        for (const [day, n] of days) {
          if (!this.#days.has(day) || n === 0) this.#sortedDays = undefined
          if (n === 0) this.#days.delete(day)
          else this.#days.set(day, n)
        }
        for (const [topic, days] of spans) this.#spans.set(topic, days)
        this.#dictionary.update(added, removed)
      }
    }
  }

  /** Counts of topics by day, and from those that begin or end there, on how many days each topic is. */
  async #countTopics(
    changes: TopicChange[],
    { operations, lastSeq, flush }: { operations: LevelOperation[]; lastSeq: number; flush: boolean }
  ) {
    const before = await this.#topicCountsBefore(changes)
    const unwritten = new Set(flush ? this.#recent.behind() : [])
    const spans = new Map<number, number>()
    const counts = changes.map(({ topic, day, by, known }, i): TopicCount => {
      const was = before[i] as number
      const n = was + by
      const behind = !flush && was > 0 && by > 0
      if (!behind) operations.push(writeTopicCount({ day, topic, n }, lastSeq))
      if (known !== undefined) unwritten.delete(known)
      const span = Number(n > 0) - Number(was > 0)
      if (span !== 0) spans.set(topic, (spans.get(topic) ?? 0) + span)
      return { day, topic, n, behind }
    })
    for (const count of unwritten) operations.push(writeTopicCount(count, lastSeq))
    const moved = [...spans].filter(([, by]) => by !== 0)
    const spansBefore = await this.#spansBefore(moved.map(([topic]) => topic))
    const added: number[] = []
    const removed: number[] = []
    const spansAfter = moved.map(([topic, by], i): [topic: number, days: number] => {
      const was = spansBefore[i] as number
      operations.push(write(layout.topicKey(topic), was + by))
      if (was === 0) added.push(topic)
      if (was + by === 0) removed.push(topic)
      return [topic, was + by]
    })
    return { added, removed, counts, spans: spansAfter }
  }

  /** Brings the counts of topics by day on disk up to the last envelope, and returns the totals that say so. */
  async #catchUp(totals: Totals): Promise<Totals> {
    const { counted, lastSeq } = totals
    const missed = new Map<string, { day: number; topic: number; seqs: number[] }>()
    for await (const [key, value] of readAll(this.#store, layout.runsFrom(counted + 1))) {
      const run = layout.decodeRun(value) ?? []
      const first = layout.readRunSeq(key) - run.length + 1
      run.forEach(({ sent, topic }, i) => {
        const day = layout.dayOf(sent)
        const name = `${day} ${topic}`
        const pair = missed.get(name)
        if (pair === undefined) missed.set(name, { day, topic, seqs: [first + i] })
        else pair.seqs.push(first + i)
      })
    }
    const pairs = [...missed.values()]
    const caughtUp = { ...totals, counted: lastSeq }
    const operations: LevelOperation[] = [writeTotals(caughtUp)]
    for (let from = 0; from < pairs.length; from += READ) {
      const some = pairs.slice(from, from + READ)
      const values = await this.#store.getMany(some.map(({ day, topic }) => layout.topicCountKey(day, topic)))
      some.forEach(({ day, topic, seqs }, i) => {
        const value = values[i]
        // everything of it was deleted again
        if (value === undefined) return
        const upTo = Math.max(counted, layout.topicCountSeq(value))
        const n = count(value) + seqs.filter(seq => seq > upTo).length
        operations.push(writeTopicCount({ day, topic, n }, lastSeq))
      })
    }
    await this.#store.batch(operations, { sync: true })
    return caughtUp
  }

  async #topicCountsBefore(changes: TopicChange[]): Promise<number[]> {
    const before = changes.map(
      ({ day, topic, known }) => known?.n ?? (this.count(day) === 0 ? 0 : this.#recent.count(day, topic))
    )
    const unknown = changes.filter((_, i) => before[i] === undefined)
    return this.#filledIn(
      before,
      unknown.map(({ day, topic }) => layout.topicCountKey(day, topic))
    )
  }

  #spansBefore(topics: number[]): Promise<number[]> {
    const before = topics.map(topic => this.#spans.get(topic))
    return this.#filledIn(before, topics.filter((_, i) => before[i] === undefined).map(layout.topicKey))
  }

  /** Reads what is not known; of new traffic all is, and nobody waits for the disk. */
  async #filledIn(known: (number | undefined)[], keys: Uint8Array[]): Promise<number[]> {
    const read = keys.length === 0 ? [] : await this.#store.getMany(keys)
    let next = 0
    return known.map(n => n ?? count(read[next++]))
  }
}

function sumOf(counts: Map<number, number>): number {
  let sum = 0
  for (const n of counts.values()) sum += n
  return sum
}

function writeTopicCount(
  { day, topic, n }: { day: number; topic: number; n: number },
  lastSeq: number
): LevelOperation {
  const key = layout.topicCountKey(day, topic)
  return n === 0 ? { type: 'del', key } : { type: 'put', key, value: layout.topicCount(n, lastSeq) }
}

function write(key: Uint8Array, n: number): LevelOperation {
  return n === 0 ? { type: 'del', key } : { type: 'put', key, value: layout.uint32(n) }
}
