import type { CheckedQuery } from '../checked-query.js'
import type { Room, RowSource, SourceRow } from '../page.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import { Merge } from './level-merge.js'
import type { LevelRows } from './level-rows.js'
import { Scan, type Span } from './level-scan.js'
import { Window } from './level-window.js'

/** What things cost in microseconds, measured; only their proportions matter. scripts/bench/planner-fit.ts fits them to a machine. */
export const COSTS = { window: 60, mergedRow: 15, scannedRow: 5, countRead: 4 }

/** Days whose counts are read at once, at first and at most. */
const FIRST_DAYS = 1
const MAX_COUNTS = 4096

interface DayPlan {
  day: number
  /** Envelopes of each topic, in the order of the topics; absent when reading them would cost more than a scan. */
  counts?: number[] | undefined
}

/**
 * Envelopes of some topics, day by day: days without any are skipped; on the others either the windows of the topics
 * are merged or, where they are most of the traffic, all of the day is scanned.
 */
export class TopicWalk implements RowSource {
  readonly #rows: LevelRows
  readonly #ledger: Ledger
  readonly #span: Span
  readonly #topics: number[]
  readonly #wanted: Set<number>
  readonly #days: number[]
  #plans: DayPlan[] = []
  #lookAhead = FIRST_DAYS
  #current: RowSource | undefined

  constructor(rows: LevelRows, ledger: Ledger, query: CheckedQuery, topics: number[]) {
    this.#rows = rows
    this.#ledger = ledger
    this.#span = query
    this.#topics = topics
    this.#wanted = new Set(topics)
    this.#days = ledger.days(layout.dayOf(query.after?.sent ?? query.lower), layout.dayOf(query.upper))
  }

  async next(room: Room, signal?: AbortSignal | undefined): Promise<SourceRow[]> {
    for (;;) {
      signal?.throwIfAborted()
      const rows = (await this.#current?.next(room, signal)) ?? []
      if (rows.length > 0) return rows
      const plan = await this.#nextPlan()
      if (plan === undefined) return []
      this.#current = this.#open(plan, room)
    }
  }

  async #nextPlan(): Promise<DayPlan | undefined> {
    if (this.#plans.length === 0) {
      const days = this.#days.splice(0, this.#lookAhead)
      this.#lookAhead = Math.max(1, Math.min(this.#lookAhead * 2, Math.floor(MAX_COUNTS / this.#topics.length)))
      const counted = days.filter(
        day => this.#topics.length * COSTS.countRead < this.#ledger.count(day) * COSTS.scannedRow
      )
      const counts = await this.#ledger.topicCounts(counted, this.#topics)
      this.#plans = days.map(day => ({ day, counts: counts[counted.indexOf(day)] }))
    }
    return this.#plans.shift()
  }

  #open({ day, counts }: DayPlan, room: Room): RowSource | undefined {
    const { after } = this.#span
    const lower = Math.max(this.#span.lower, day * layout.DAY)
    const upper = Math.min(this.#span.upper, (day + 1) * layout.DAY - 1)
    const span: Span = { lower, upper, after: after !== undefined && after.sent >= lower ? after : undefined }
    const accepts = (topic: number): boolean => this.#wanted.has(topic)
    if (counts === undefined) return new Scan(this.#rows, span, { accepts, share: 0.5 })

    const matching = counts.reduce((sum, n) => sum + n, 0)
    if (matching === 0) return undefined
    const part = (upper - (span.after?.sent ?? lower) + 1) / layout.DAY
    const share = Math.min(1, matching / this.#ledger.count(day))
    const rows = Math.min(room.rows, Math.ceil(matching * part))
    const windows = counts.filter(n => n > 0).length
    if (windows * COSTS.window + rows * COSTS.mergedRow > (rows / share) * COSTS.scannedRow)
      return new Scan(this.#rows, span, { accepts, share })
    const open = this.#topics.flatMap((topic, i) => {
      const count = counts[i] as number
      return count > 0 ? [this.#window(day, topic, span, count, part)] : []
    })
    const { envelopes, bytes } = this.#ledger.totals
    return new Merge(this.#rows, span, open, Math.max(1, bytes / Math.max(1, envelopes)))
  }

  #window(day: number, topic: number, { lower, upper, after }: Span, count: number, part: number): Window {
    const range = layout.indexRange(day, topic, after?.sent ?? lower, upper)
    if (after !== undefined) range.bounds.gte = layout.afterIndexed({ ...after, topic })
    return new Window(this.#rows.store, range, count, Math.ceil(count * part))
  }
}
