import { pieceOfWork, type Room, type RowSource, SLICE_BYTES, SLICE_ROWS, type SourceRow } from '../page.js'
import { comparePositions, type Position } from '../position.js'
import type { Found, Short } from './level-census.js'
import type * as layout from './level-layout.js'
import { DAY, lastOf } from './level-layout.js'
import type { LevelRows } from './level-rows.js'
import { MAX_WINDOW_READ, type Window } from './level-window.js'

/** Windows read at the same time. */
const PARALLEL = 32
/** So many are read without a look at the time. */
const FEW = 64

type Times = { lower: number; upper: number }
type Missing = (found: Found[]) => Promise<Short[]>

/** Brings the windows of one day into one order and fetches the envelopes they name. */
export class Merge implements RowSource {
  readonly #rows: LevelRows
  readonly #span: Times
  readonly #windows: Window[]
  readonly #averageSize: number
  readonly #missing: Missing
  #merged: layout.Entry[] = []
  /** That something is missing. */
  #told = false

  /**
   * @param windows - of the times of the span, Unix seconds
   * @param averageSize - bytes of an envelope, to guess how many fill a page
   * @param missing - told at the end what the windows found; says what they should have, by day
   */
  constructor(
    rows: LevelRows,
    { span, windows, averageSize, missing }: { span: Times; windows: Window[]; averageSize: number; missing: Missing }
  ) {
    this.#rows = rows
    this.#span = span
    this.#windows = windows
    this.#averageSize = averageSize
    this.#missing = missing
  }

  async next(room: Room, signal?: AbortSignal | undefined): Promise<SourceRow[] | undefined> {
    const piece = pieceOfWork()
    for (;;) {
      const entries = await this.#take(room, piece, signal)
      if (entries === undefined) return undefined
      const rows = await this.#rows.fetch(entries)
      for (const window of this.#windows) {
        if (!window.takeHole()) continue
        this.#told = true
        rows.unshift(this.#rows.hole(this.#span.lower, this.#span.upper))
      }
      if (entries.length === 0 && !this.#told) rows.push(...(await this.#short()))
      if (rows.length > 0 || entries.length === 0) return rows
    }
  }

  /** Marks of what should have come. */
  async #short(): Promise<SourceRow[]> {
    const found = this.#windows.flatMap(window => window.found ?? [])
    this.#windows.length = 0
    const short = await this.#missing(found)
    return short.map(({ day, missing }) => this.#rows.hole(day * DAY, lastOf(day), missing))
  }

  /**
   * The next entries in order: at most a slice, and no more bytes than there is room for except by the last one. Undefined when it
   * takes too long to know which they are.
   */
  async #take(
    room: Room,
    piece: { readonly over: boolean },
    signal: AbortSignal | undefined
  ): Promise<layout.Entry[] | undefined> {
    const wanted = Math.min(room.rows, SLICE_ROWS)
    const ahead = Math.min(room.rows, Math.ceil(room.bytes / this.#averageSize) + 1, MAX_WINDOW_READ)
    while (this.#merged.length < Math.min(wanted, ahead)) {
      signal?.throwIfAborted()
      if (!(await this.#read(ahead - this.#merged.length, piece))) {
        if (this.#merged.length === 0) return undefined
        break
      }
      if (!this.#advance()) break
    }
    let bytes = Math.min(room.bytes, SLICE_BYTES)
    let count = 0
    while (count < Math.min(wanted, this.#merged.length) && (count === 0 || bytes >= 0)) {
      bytes -= (this.#merged[count] as layout.Entry).size
      count++
    }
    return this.#merged.splice(0, count)
  }

  /** Reads on in every window that ran out; false when others come before that is done. */
  async #read(ahead: number, piece: { readonly over: boolean }): Promise<boolean> {
    const total = this.#windows.reduce((sum, window) => sum + window.ahead, 0)
    const hungry = this.#windows.filter(window => window.hungry)
    for (let from = 0; from < hungry.length; from += PARALLEL) {
      if (from >= FEW && piece.over) return false
      await Promise.all(
        hungry.slice(from, from + PARALLEL).map(window => window.fill(this.#share(window, ahead, total)))
      )
    }
    return true
  }

  /** Moves what is certain to come next; false when there is no more. */
  #advance(): boolean {
    const horizon = this.#windows.reduce<Position | undefined>((first, { horizon }) => {
      if (horizon === undefined) return first
      return first === undefined || comparePositions(horizon, first) < 0 ? horizon : first
    }, undefined)
    const next = this.#windows.flatMap(window => window.takeUntil(horizon)).sort(comparePositions)
    this.#merged = this.#merged.concat(next)
    return next.length > 0
  }

  /** How much of what is wanted this window will probably bring, and a little more if there are others to wait for. */
  #share(window: Window, ahead: number, total: number): number {
    if (ahead >= total) return ahead
    const share = (window.ahead * ahead) / total
    return this.#windows.length === 1 ? share : share + Math.sqrt(share) / 2
  }
}
