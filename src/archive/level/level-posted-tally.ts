import type { SourceRow } from '../page.js'
import type { TopicFloors } from '../topic-floors.js'
import type { Blocks } from './level-blocks.js'
import type { Census } from './level-census.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import { isPosting, postedBetween } from './level-posting.js'
import { getCertain } from './level-reader.js'
import type { LevelRows } from './level-rows.js'
import type { Span } from './level-scan.js'

/** Counts of topics by day that a page may ask for whatever it brings; one more for each row. */
const FREE_COUNTS = 1024
/** What the look at a part of a day takes, roughly, ms: for each posting, and for each envelope. */
const LOOK_POSTING = 0.01
const LOOK_ENTRY = 0.001
/** A look keeps writes waiting: not for more postings than that. */
const MAX_LOOK = 256

export interface PostedTallyParts {
  rows: LevelRows
  blocks: Blocks
  ledger: Ledger
  census: Census
  floors: () => TopicFloors
}

/** A day of which the postings lack so many envelopes, at least. */
export interface Lacking {
  day: number
  missing: number
  /** Some of the day were handed out before. */
  begun: boolean
}

/**
 * Holds what a walk through the postings brings of its topics against what the ledger counts, day by day: a posting whose key is damaged on
 * the disk is not found, and nothing else tells it. Parts of a day, of which there is no count, are held against the postings of
 * all of it, as far as the time for looks goes.
 */
export class PostedTally {
  readonly #with: PostedTallyParts
  readonly #topics: readonly number[]
  readonly #upper: number
  /** The day that is being counted. */
  #day: number
  #passed = 0
  /** The walk covers that day from its beginning. */
  #whole: boolean
  /** What came later may be missing. */
  readonly #lastSeq: number
  #free = FREE_COUNTS

  /** To be made at the moment at which the walk takes what is in memory. */
  constructor(parts: PostedTallyParts, { lower, upper, after }: Span, topics: readonly number[]) {
    this.#with = parts
    this.#topics = topics
    this.#upper = upper
    const from = after?.sent ?? lower
    this.#day = layout.dayOf(from)
    this.#whole = after === undefined && from === this.#day * layout.DAY
    this.#lastSeq = parts.ledger.totals.lastSeq
  }

  /** To be called before anything is handed out: whether something is missing on a day that the walk begins within. */
  async begin(): Promise<Lacking | undefined> {
    return this.#whole ? undefined : this.#part(this.#day)
  }

  /**
   * Reads the counts that what comes next will be held against: at the same time as its envelopes, each look at the disk is a trip to
   * another thread.
   * @param sent - of the last of it
   * @param over - nothing comes after it
   */
  async ahead(count: number, sent: number, over: boolean): Promise<void> {
    const days = this.#affordable(this.#daysUntil(this.#next(sent, over)), this.#free + count)
    if (days.length > 0) await this.#with.ledger.topicCounts(days, [...this.#topics])
  }

  /**
   * To be told of what is going to be handed out, in order.
   * @param end - nothing comes after it: the walk is over, or the page is full
   */
  async pass(rows: readonly SourceRow[], end?: 'walk' | 'page' | undefined): Promise<Lacking | undefined> {
    this.#free += rows.length
    const passed = new Map<number, number>()
    for (const { sent } of rows) passed.set(layout.dayOf(sent), (passed.get(layout.dayOf(sent)) ?? 0) + 1)
    const next = this.#next(rows.at(-1)?.sent ?? 0, end === 'walk')
    const passedOf = (day: number): number => (passed.get(day) ?? 0) + (day === this.#day ? this.#passed : 0)
    const lacking = await this.#lacking(this.#daysUntil(next), passedOf)
    if (lacking !== undefined) return { ...lacking, begun: lacking.day === this.#day && this.#passed > 0 }
    if (next > this.#day) {
      this.#day = next
      this.#passed = 0
      this.#whole = true
    }
    const before = this.#passed
    this.#passed += passed.get(this.#day) ?? 0
    // the day is not over, and nothing that follows will tell
    const ends = end === 'page' || (end === 'walk' && this.#day === layout.dayOf(this.#upper))
    const part = ends ? await this.#part(this.#day) : undefined
    return part && { ...part, begun: before > 0 }
  }

  /** The first day that is not over behind what was sent last, or at the end of the walk. */
  #next(sent: number, over: boolean): number {
    const last = layout.dayOf(this.#upper)
    if (over) return this.#upper === layout.lastOf(last) ? last + 1 : last
    return Math.max(this.#day, layout.dayOf(sent))
  }

  /** Days that are over before one, and can be counted. */
  #daysUntil(next: number): number[] {
    return this.#with.ledger.days(this.#day, next - 1).filter(day => day !== this.#day || this.#whole)
  }

  /** As many of some days as so many counts are enough for. */
  #affordable(days: number[], free: number): number[] {
    return days.slice(0, Math.floor(free / this.#topics.length))
  }

  /** The first of some days of which more is counted than came. */
  async #lacking(days: number[], passedOf: (day: number) => number): Promise<Omit<Lacking, 'begun'> | undefined> {
    const { ledger, census } = this.#with
    const topics = [...this.#topics]
    const due = this.#affordable(days, this.#free)
    this.#free -= due.length * topics.length
    const missing = async (days: number[]): Promise<number[]> => {
      const counts = await ledger.topicCounts(days, topics)
      const since = ledger.totals.lastSeq - this.#lastSeq
      return counts.map((of, i) => sumOf(of) - passedOf(days[i] as number) - since)
    }
    const first = due.length === 0 ? [] : await missing(due)
    for (const [i, day] of due.entries()) {
      if ((first[i] as number) <= 0) continue
      // what is being deleted is counted until it is on disk
      const [sure = 0] = (await census.between(() => missing([day]))) ?? []
      if (sure > 0) return { day, missing: sure }
    }
    return undefined
  }

  /** What the postings lack of all of a day. */
  async #part(day: number): Promise<Lacking | undefined> {
    const { ledger, census, blocks, floors, rows } = this.#with
    const topics = this.#topics
    const [lower, upper] = [day * layout.DAY, layout.lastOf(day)]
    if (ledger.count(day) === 0) return undefined
    const postings = (blocks.finishedOf(lower, upper)?.length ?? 0) * topics.length
    if (postings === 0 || postings > MAX_LOOK) return undefined
    const share = Math.min(1, topics.length / Math.max(1, ledger.totals.topics))
    const cost = postings * LOOK_POSTING + ledger.count(day) * share * LOOK_ENTRY
    const missing = await census.look(`${day} of ${topics.join()}`, cost, async () => {
      const finished = blocks.finishedOf(lower, upper)
      // of what is deleted there are postings still
      if (finished === undefined || !blocks.tail.isWhole || floors().highest(topics) > lower) return undefined
      const [counts = []] = await ledger.topicCounts([day], [...topics])
      const places = finished.flatMap(({ block }) => topics.map(topic => ({ block, topic })))
      const found = await getCertain(
        rows.store,
        places.map(({ block, topic }) => layout.postingKey(block, topic))
      )
      const hashes = new Set(blocks.tail.between(topics, lower, upper).map(({ hash }) => nameOf(hash)))
      for (const [i, posting] of found.entries()) {
        if (posting === undefined) continue
        if (posting === null || !isPosting(posting)) return undefined // who reads it tells
        const { topic } = places[i] as { topic: number }
        for (const { hash } of postedBetween(posting, topic, { lower, upper })) hashes.add(nameOf(hash))
      }
      return Math.max(0, sumOf(counts) - hashes.size)
    })
    return missing ? { day, missing, begun: false } : undefined
  }
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, n) => sum + n, 0)

const nameOf = (hash: Uint8Array): string => Buffer.from(hash).toString('latin1')
