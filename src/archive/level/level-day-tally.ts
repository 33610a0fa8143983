import type { LevelEntry } from '../database/level-store.js'
import type { SourceRow } from '../page.js'
import type { Census } from './level-census.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import type { LevelRows } from './level-rows.js'
import type { Span } from './level-scan.js'

/** What walks by time count with. */
export interface Counted {
  rows: LevelRows
  ledger: Ledger
  census: Census
}

/** Counts what a walk by time passes on the days that it covers wholly, and tells where the ledger counted more. */
export class DayTally {
  readonly #with: Counted
  readonly #upper: number
  /** The day that is being counted, from its beginning. */
  #day: number
  #passed = 0

  constructor(counted: Counted, { lower, upper, after }: Span) {
    this.#with = counted
    this.#upper = upper
    const from = after?.sent ?? lower
    this.#day = layout.dayOf(from)
    if (after !== undefined || from > this.#day * layout.DAY) this.#day++
  }

  /** To be told of entries in order; returns marks of what days that are over should have had besides. */
  async pass(entries: readonly LevelEntry[]): Promise<SourceRow[]> {
    const last = entries.at(-1)
    if (last === undefined) return []
    const day = dayOf(last)
    if (day < this.#day) return []
    if (day === this.#day && dayOf(entries[0] as LevelEntry) === day) {
      this.#passed += entries.length
      return []
    }
    const ahead = entries.filter(entry => dayOf(entry) >= this.#day)
    if (day === this.#day) {
      this.#passed += ahead.length
      return []
    }
    const passed = new Map([[this.#day, this.#passed]])
    for (const entry of ahead) {
      const day = dayOf(entry)
      passed.set(day, (passed.get(day) ?? 0) + 1)
    }
    return this.#close(day, passed)
  }

  /** To be called where nothing more comes. */
  end(): Promise<SourceRow[]> {
    const end = layout.dayOf(this.#upper)
    return this.#close(this.#upper === layout.lastOf(end) ? end + 1 : end, new Map([[this.#day, this.#passed]]))
  }

  /** Of days before this one. */
  async #close(next: number, passed: ReadonlyMap<number, number>): Promise<SourceRow[]> {
    const { ledger, census, rows } = this.#with
    const marks: SourceRow[] = []
    for (const day of ledger.days(this.#day, next - 1)) {
      if ((passed.get(day) ?? 0) >= ledger.count(day)) continue
      const short = await census.day(day)
      if (short !== undefined) marks.push(rows.hole(day * layout.DAY, layout.lastOf(day), short.missing))
    }
    this.#day = Math.max(this.#day, next)
    this.#passed = passed.get(next) ?? 0
    return marks
  }
}

const dayOf = ([key]: LevelEntry): number => layout.dayOf(layout.envelopeSent(key))
