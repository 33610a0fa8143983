import type { CheckedQuery } from '../checked-query.js'
import { pieceOfWork, type Room, type RowSource, type SourceRow } from '../page.js'
import type { Census, Found } from './level-census.js'
import type { Counted } from './level-day-tally.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import { Merge } from './level-merge.js'
import type { LevelRows } from './level-rows.js'
import { Scan, type Span } from './level-scan.js'
import { MAX_WINDOW_READ, Window } from './level-window.js'

/** What things cost in microseconds, measured; only their proportions matter. scripts/bench/planner-fit.ts fits them to a machine. */
export const COSTS = {
  window: 80,
  mergedRow: 22,
  scannedRow: 5,
  countRead: 5,
  posting: 9,
  postedEntry: 0.7,
  postedRow: 10
}

/** Counts of topics on days that are read at once, at first and at most. */
const FIRST_COUNTS = 64
const MAX_COUNTS = 1024
/** With fewer topics it is not worth a read to know which of them there are. */
const WORTH_DROPPING = 16
/** So many are read at the same time and waited for once: less than what a scan reads for a few rows. */
const FEW_WINDOWS = 16
/** Windows of several days that are read together. */
const MAX_WINDOWS = 64
/** Of more topics than this some tell whether their windows can be worth it, before all counts are read. */
const MANY_TOPICS = 256
const SAMPLE = 64

/** @param share - of the envelopes of the day; never better when there are none */
function isScanBetter({ windows, rows, share }: { windows: number; rows: number; share: number }): boolean {
  const opening = windows > FEW_WINDOWS ? windows * COSTS.window : 0
  return opening + rows * COSTS.mergedRow > (rows / share) * COSTS.scannedRow
}

interface DayPlan {
  day: number
  /** Envelopes of each topic, in the order of the topics; absent when reading them would cost more than a scan. */
  counts?: number[] | undefined
  /** Then: the share of the day's envelopes that is probably of the topics. */
  share?: number | undefined
}

/**
 * Envelopes of some topics, day by day: days without any are skipped; on the others either the windows of the topics
 * are merged or, where they are most of the traffic, all of the day is scanned.
 */
export class TopicWalk implements RowSource {
  readonly #rows: LevelRows
  readonly #counted: Counted
  readonly #ledger: Ledger
  readonly #census: Census
  readonly #span: Span
  #topics: number[]
  #begun = false
  #present = false
  readonly #wanted: Set<number>
  readonly #days: number[]
  #plans: DayPlan[] = []
  #lookAhead: number
  #current: RowSource | undefined

  constructor(counted: Counted, query: CheckedQuery, topics: number[]) {
    this.#counted = counted
    this.#rows = counted.rows
    this.#ledger = counted.ledger
    this.#census = counted.census
    this.#span = query
    this.#topics = topics
    this.#wanted = new Set(topics)
    this.#lookAhead = Math.max(1, Math.floor(FIRST_COUNTS / topics.length))
    this.#days = counted.ledger.days(layout.dayOf(query.after?.sent ?? query.lower), layout.dayOf(query.upper))
  }

  async next(room: Room, signal?: AbortSignal | undefined): Promise<SourceRow[] | undefined> {
    const began = performance.now()
    try {
      return await this.#next(room, signal)
    } finally {
      this.#census.earn(performance.now() - began)
    }
  }

  async #next(room: Room, signal: AbortSignal | undefined): Promise<SourceRow[] | undefined> {
    const piece = pieceOfWork()
    if (!this.#begun) {
      this.#begun = true
      const hidden = await this.#census.hidden(this.#topics)
      if (hidden.length > 0) return [this.#rows.hole(this.#span.lower, this.#span.upper, hidden.length)]
    }
    for (;;) {
      signal?.throwIfAborted()
      const rows = this.#current === undefined ? [] : await this.#current.next(room, signal)
      if (rows === undefined || rows.length > 0) return rows
      this.#current = undefined
      if (piece.over) return undefined
      const plan = await this.#nextPlan(room)
      if (plan === undefined) return []
      this.#current = this.#open(plan, room)
    }
  }

  async #nextPlan(room: Room): Promise<DayPlan | undefined> {
    if (this.#plans.length === 0) {
      await this.#dropAbsent()
      if (this.#topics.length === 0) return undefined
      const days = this.#days.splice(0, this.#lookAhead)
      this.#lookAhead = Math.max(1, Math.min(this.#lookAhead * 2, Math.floor(MAX_COUNTS / this.#topics.length)))
      const shares = await this.#sampled(days, room)
      const counted = days.filter(
        (day, i) =>
          shares?.[i] === undefined &&
          this.#topics.length * COSTS.countRead < this.#ledger.count(day) * COSTS.scannedRow
      )
      const counts = await this.#ledger.topicCounts(counted, this.#topics)
      this.#plans = days.map((day, i) => ({ day, counts: counts[counted.indexOf(day)], share: shares?.[i] }))
    }
    return this.#plans.shift()
  }

  /** What the archive has nothing of is looked for once, not on each day. */
  async #dropAbsent(): Promise<void> {
    if (this.#present || this.#topics.length < WORTH_DROPPING) return
    this.#topics = await this.#ledger.present(this.#topics)
    this.#present = true
  }

  /** By some of many topics: what share of each day all have, where a scan is better than their windows however many they bring. */
  async #sampled(days: number[], room: Room): Promise<(number | undefined)[] | undefined> {
    const { length } = this.#topics
    if (length < MANY_TOPICS) return undefined
    const sample = Array.from({ length: SAMPLE }, (_, i) => this.#topics[Math.floor((i * length) / SAMPLE)] as number)
    const counts = await this.#ledger.topicCounts(days, sample)
    return days.map((day, i) => {
      const found = counts[i] ?? []
      const all = this.#ledger.count(day)
      const windows = (found.filter(n => n > 0).length * length) / SAMPLE
      const share = Math.min(1, (found.reduce((sum, n) => sum + n, 0) * length) / SAMPLE / all)
      return isScanBetter({ windows, rows: Math.min(room.rows, share * all), share }) ? share : undefined
    })
  }

  #open({ day, counts, share: sampled = 0.5 }: DayPlan, room: Room): RowSource | undefined {
    const { after } = this.#span
    const lower = Math.max(this.#span.lower, day * layout.DAY)
    const upper = Math.min(this.#span.upper, (day + 1) * layout.DAY - 1)
    const span: Span = { lower, upper, after: after !== undefined && after.sent >= lower ? after : undefined }
    const accepts = (topic: number): boolean => this.#wanted.has(topic)
    if (counts === undefined) return new Scan(this.#counted, span, { accepts, share: sampled })

    const matching = counts.reduce((sum, n) => sum + n, 0)
    if (matching === 0) return undefined
    const part = (upper - (span.after?.sent ?? lower) + 1) / layout.DAY
    const share = Math.min(1, matching / this.#ledger.count(day))
    const rows = Math.min(room.rows, Math.ceil(matching * part))
    const windows = counts.filter(n => n > 0).length
    if (isScanBetter({ windows, rows, share })) return new Scan(this.#counted, span, { accepts, share })
    const { envelopes, bytes } = this.#ledger.totals
    const averageSize = Math.max(1, bytes / Math.max(1, envelopes))
    const open = this.#windows(day, counts, span, part)
    const most = Math.min(room.rows, room.bytes / averageSize, MAX_WINDOW_READ)
    const following = this.#following({ rows, windows }, most)
    for (const { day, counts = [] } of following) {
      span.upper = Math.min(this.#span.upper, (day + 1) * layout.DAY - 1)
      open.push(...this.#windows(day, counts, { lower: day * layout.DAY, upper: span.upper }, 1))
    }
    const missing = (found: Found[]) => this.#census.topics(found)
    return new Merge(this.#rows, { span, windows: open, averageSize, missing })
  }

  /** The next days as far as there is room for all that they have: read together with this one, they cost one wait and not one each. */
  #following({ rows, windows }: { rows: number; windows: number }, most: number): DayPlan[] {
    let days = 0
    for (const { day, counts } of this.#plans) {
      if (counts === undefined) break
      const matching = counts.reduce((sum, n) => sum + n, 0)
      const more = counts.filter(n => n > 0).length
      rows += matching
      windows += more
      const all = this.#ledger.count(day)
      if (rows > most || windows > MAX_WINDOWS) break
      if (isScanBetter({ windows: more, rows: matching, share: matching / all })) break
      days++
    }
    return this.#plans.splice(0, days)
  }

  #windows(day: number, counts: number[], span: Span, part: number): Window[] {
    return this.#topics.flatMap((topic, i) => {
      const count = counts[i] as number
      return count > 0 ? [this.#window(day, topic, span, count, part)] : []
    })
  }

  #window(day: number, topic: number, { lower, upper, after }: Span, count: number, part: number): Window {
    const range = layout.indexRange(day, topic, after?.sent ?? lower, upper)
    if (after !== undefined) range.bounds.gte = layout.afterIndexed({ ...after, topic })
    const whole = after === undefined && lower <= day * layout.DAY && upper >= layout.lastOf(day)
    return new Window(this.#rows.store, { day, topic, whole }, { range, count, expected: Math.ceil(count * part) })
  }
}
