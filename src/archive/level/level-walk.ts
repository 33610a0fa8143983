import type { LevelRange } from '../database/level-store.js'
import { type Room, type RowSource, SLICE_BYTES, SLICE_ROWS, type SourceRow } from '../page.js'
import { type Counted, DayTally } from './level-day-tally.js'
import { ENVELOPE_TIMES } from './level-layout.js'
import { beyondEnd, lowest, readMapped } from './level-reader.js'
import type { LevelRows } from './level-rows.js'
import { type Span, spanRange, timesOf } from './level-scan.js'

/** Slices read at once: most pages have a thousand envelopes, and each read opens and closes what it reads with. */
const SLICES = 2

/** Reads all envelopes by time. */
export class Walk implements RowSource {
  readonly #rows: LevelRows
  readonly #tally: DayTally
  #range: LevelRange | undefined
  /** What was read and not handed out. */
  #ready: SourceRow[] = []

  constructor(counted: Counted, span: Span) {
    this.#rows = counted.rows
    this.#tally = new DayTally(counted, span)
    this.#range = spanRange(span)
  }

  async next(room: Room): Promise<SourceRow[]> {
    while (this.#ready.length === 0 && this.#range !== undefined) this.#ready = await this.#read(this.#range, room)
    let rows = 0
    for (let bytes = 0; rows < Math.min(this.#ready.length, SLICE_ROWS) && bytes <= SLICE_BYTES; rows++)
      bytes += (this.#ready[rows] as SourceRow).raw.length
    const slice = this.#ready.slice(0, rows)
    this.#ready = this.#ready.slice(rows)
    return slice
  }

  async #read(range: LevelRange, room: Room): Promise<SourceRow[]> {
    const wanted = Math.min(room.rows, SLICES * SLICE_ROWS)
    const highWaterMarkBytes = Math.min(room.bytes, SLICES * SLICE_BYTES)
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
