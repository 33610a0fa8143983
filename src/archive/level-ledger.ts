import { readUint32 } from '../wire/bytes.js'
import { ArchiveFormatError } from './errors.js'
import * as layout from './level-layout.js'
import { type LevelOperation, type LevelStore, readAll } from './level-store.js'
import type { TopicDictionary } from './topic-dictionary.js'

/** Counts of topics by day that are kept in memory: what is heard now is mostly of few days. */
const MAX_RECENT = 1 << 16
const TOTALS_KEY = layout.metaKey('totals')

interface Totals {
  /** Last ingest sequence number given out: never goes back, not even when everything was pruned. */
  lastSeq: number
  envelopes: number
  /** Sum of raw envelope bytes. */
  bytes: number
  /** Distinct topics. */
  topics: number
}

/** A change of the counts: operations for the batch that stores the envelopes, and what to do once it is on disk. */
export interface LedgerChange {
  operations: LevelOperation[]
  apply(): void
}

/** All counts of the archive. Each is written in the batch that changes what it counts. */
export class Ledger {
  readonly #store: LevelStore
  readonly #dictionary: TopicDictionary
  #totals: Totals = { lastSeq: 0, envelopes: 0, bytes: 0, topics: 0 }
  #days = new Map<number, number>()
  #sortedDays: number[] | undefined
  /** Some of the counts of topics by day as they are on disk. */
  readonly #recent = new Map<number, number>()

  constructor(store: LevelStore, dictionary: TopicDictionary) {
    this.#store = store
    this.#dictionary = dictionary
  }

  get totals(): Readonly<Totals> {
    return this.#totals
  }

  /** Takes the counts from disk, as they were after the last batch that reached it. */
  async load(): Promise<void> {
    const [value] = await this.#store.getMany([TOTALS_KEY])
    const totals = value === undefined ? { lastSeq: 0, envelopes: 0, bytes: 0, topics: 0 } : decodeTotals(value)
    const days = new Map<number, number>()
    for await (const [key, count] of readAll(this.#store, layout.dayCounts()))
      days.set(layout.readDay(key), readUint32(count, 0))
    this.#totals = totals
    this.#days = days
    this.#sortedDays = undefined
    this.#recent.clear()
    this.#dictionary.reset()
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

  /** How many envelopes each topic has on each day, day by day in the order of `topics`. */
  async topicCounts(days: number[], topics: number[]): Promise<number[][]> {
    const keys = days.flatMap(day => topics.map(topic => layout.topicCountKey(day, topic)))
    const counts = (await this.#store.getMany(keys)).map(count)
    return days.map((_, i) => counts.slice(i * topics.length, (i + 1) * topics.length))
  }

  /** Works out the counts after `entries` come (`+1`) or go (`-1`). Only one change may be under way. */
  async change(entries: layout.Entry[], sign: 1 | -1, lastSeq = this.#totals.lastSeq): Promise<LedgerChange> {
    const operations: LevelOperation[] = []
    const totals = { ...this.#totals, lastSeq }
    const days = new Map<number, number>()
    const topics = new Map<number, Map<number, number>>()
    for (const { sent, topic, size } of entries) {
      const day = layout.dayOf(sent)
      days.set(day, (days.get(day) ?? this.count(day)) + sign)
      const perDay = topics.get(topic)
      if (perDay === undefined) topics.set(topic, new Map([[day, sign]]))
      else perDay.set(day, (perDay.get(day) ?? 0) + sign)
      totals.envelopes += sign
      totals.bytes += sign * size
    }
    const { added, removed, counts } = await this.#countTopics(topics, operations)
    totals.topics += added.length - removed.length
    for (const [day, n] of days) operations.push(write(layout.dayCountKey(day), n))
    operations.push({ type: 'put', key: TOTALS_KEY, value: encodeTotals(totals) })
    return {
      operations,
      apply: () => {
        this.#totals = totals
        this.#remember(counts)
        for (const [day, n] of days) {
          if (!this.#days.has(day) || n === 0) this.#sortedDays = undefined
          if (n === 0) this.#days.delete(day)
          else this.#days.set(day, n)
        }
        this.#dictionary.update(added, removed)
      }
    }
  }

  /** Counts of topics by day, and from those that begin or end there, on how many days each topic is. */
  async #countTopics(changes: Map<number, Map<number, number>>, operations: LevelOperation[]) {
    const pairs = [...changes].flatMap(([topic, perDay]) => [...perDay].map(([day, by]) => ({ topic, day, by })))
    const before = await this.#topicCountsBefore(pairs)
    const counts: [pair: number, count: number][] = []
    const spans = new Map<number, number>()
    pairs.forEach(({ topic, day, by }, i) => {
      const was = before[i] as number
      const is = was + by
      operations.push(write(layout.topicCountKey(day, topic), is))
      counts.push([pairOf(day, topic), is])
      const span = Number(is > 0) - Number(was > 0)
      if (span !== 0) spans.set(topic, (spans.get(topic) ?? 0) + span)
    })
    const moved = [...spans].filter(([, by]) => by !== 0)
    const spanKeys = moved.map(([topic]) => layout.topicKey(topic))
    const spansBefore = (await this.#store.getMany(spanKeys)).map(count)
    const added: number[] = []
    const removed: number[] = []
    moved.forEach(([topic, by], i) => {
      const was = spansBefore[i] as number
      operations.push(write(spanKeys[i] as Uint8Array, was + by))
      if (was === 0) added.push(topic)
      if (was + by === 0) removed.push(topic)
    })
    return { added, removed, counts }
  }

  async #topicCountsBefore(pairs: { day: number; topic: number }[]): Promise<number[]> {
    const counts = pairs.map(({ day, topic }) => this.#recent.get(pairOf(day, topic)))
    const unknown = pairs.filter((_, i) => counts[i] === undefined)
    const read = await this.#store.getMany(unknown.map(({ day, topic }) => layout.topicCountKey(day, topic)))
    let next = 0
    return counts.map(known => known ?? count(read[next++]))
  }

  #remember(counts: [pair: number, count: number][]): void {
    if (this.#recent.size + counts.length > MAX_RECENT) this.#recent.clear()
    if (counts.length > MAX_RECENT) return
    for (const [pair, n] of counts) this.#recent.set(pair, n)
  }
}

function pairOf(day: number, topic: number): number {
  return day * 2 ** 32 + topic
}

function count(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : readUint32(value, 0)
}

function write(key: Uint8Array, n: number): LevelOperation {
  return n === 0 ? { type: 'del', key } : { type: 'put', key, value: layout.uint32(n) }
}

function encodeTotals({ lastSeq, envelopes, bytes, topics }: Totals): Uint8Array {
  const value = new Uint8Array(32)
  for (const [i, n] of [lastSeq, envelopes, bytes, topics].entries()) layout.put64(value, i * 8, n)
  return value
}

function decodeTotals(value: Uint8Array): Totals {
  if (value.length !== 32) throw new ArchiveFormatError('the totals of the archive are not readable')
  const [lastSeq, envelopes, bytes, topics] = [0, 8, 16, 24].map(at => layout.read64(value, at))
  return { lastSeq, envelopes, bytes, topics } as Totals
}
