import type { LevelRange } from '../database/level-store.js'
import type { Room, RowSource, SourceRow } from '../page.js'
import { type Counted, DayTally } from './level-day-tally.js'
import { ENVELOPE_TIMES } from './level-layout.js'
import { beyondEnd, lowest, readMapped } from './level-reader.js'
import type { LevelRows } from './level-rows.js'
import { type Span, spanRange, timesOf } from './level-scan.js'
import { roomToRead, Slices } from './level-slices.js'

/** Reads all envelopes by time. */
export class Walk implements RowSource {
  readonly #rows: LevelRows
  readonly #tally: DayTally
  #range: LevelRange | undefined
  readonly #ready = new Slices()

  constructor(counted: Counted, span: Span) {
    this.#rows = counted.rows
    this.#tally = new DayTally(counted, span)
    this.#range = spanRange(span)
  }

  async next(room: Room): Promise<SourceRow[]> {
    while (this.#ready.isEmpty && this.#range !== undefined) this.#ready.put(await this.#read(this.#range, room))
    return this.#ready.take(room)
  }

  async #read(range: LevelRange, room: Room): Promise<SourceRow[]> {
    const { rows: wanted, bytes: highWaterMarkBytes } = roomToRead(room)
    const { store } = this.#rows
    const { entries, mapped, hole } = await readMapped(store, { ...range, highWaterMarkBytes }, wanted, this.#row)
    const rows = mapped
    const last = entries.at(-1)?.[0]
    const short = await this.#tally.pass(entries)
    if (hole) rows.unshift(this.#rows.hole(...timesOf(range, last)))
    else rows.unshift(...short)
    if (last !== undefined) this.#range = { gt: last, lt: range.lt }
    else {
      const on = await beyondEnd(store, range, ENVELOPE_TIMES)
      this.#range = on.range
      if (on.hole && !hole) rows.push(this.#rows.hole(...timesOf(range, on.range && lowest(on.range))))
      if (on.range === undefined && !on.hole && !hole) rows.push(...(await this.#tally.end()))
    }
    return rows
  }

  readonly #row = ([key, value]: [Uint8Array, Uint8Array]): SourceRow => this.#rows.row(key, value)
}
