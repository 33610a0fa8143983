import type { LevelRange } from '../database/level-store.js'
import { type Room, type RowSource, SLICE_BYTES, SLICE_ROWS, type SourceRow } from '../page.js'
import { type Counted, DayTally } from './level-day-tally.js'
import { ENVELOPE_TIMES } from './level-layout.js'
import { beyondEnd, lowest, readThrough } from './level-reader.js'
import type { LevelRows } from './level-rows.js'
import { type Span, spanRange, timesOf } from './level-scan.js'

/** Reads all envelopes by time. */
export class Walk implements RowSource {
  readonly #rows: LevelRows
  readonly #tally: DayTally
  #range: LevelRange | undefined

  constructor(counted: Counted, span: Span) {
    this.#rows = counted.rows
    this.#tally = new DayTally(counted, span)
    this.#range = spanRange(span)
  }

  async next(room: Room): Promise<SourceRow[]> {
    const wanted = Math.min(room.rows, SLICE_ROWS)
    const highWaterMarkBytes = Math.min(room.bytes, SLICE_BYTES)
    while (this.#range !== undefined) {
      const range = this.#range
      const { entries, hole } = await readThrough(this.#rows.store, { ...range, highWaterMarkBytes }, wanted)
      const rows = entries.map(([key, value]) => this.#rows.row(key, value))
      const last = entries.at(-1)?.[0]
      const short = await this.#tally.pass(entries)
      if (hole) rows.unshift(this.#rows.hole(...timesOf(range, last)))
      else rows.unshift(...short)
      if (last !== undefined) this.#range = { gt: last, lt: range.lt }
      else {
        const on = await beyondEnd(this.#rows.store, range, ENVELOPE_TIMES)
        this.#range = on.range
        if (on.hole && !hole) rows.push(this.#rows.hole(...timesOf(range, on.range && lowest(on.range))))
        if (on.range === undefined && !on.hole && !hole) rows.push(...(await this.#tally.end()))
      }
      if (rows.length > 0) return rows
    }
    return []
  }
}
