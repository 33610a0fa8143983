import { closeIterator, entryBytes, isUnreadable, type LevelEntry, type LevelRange } from '../database/level-store.js'
import { pieceOfWork, type Room, type RowSource, SLICE_BYTES, SLICE_ROWS, type SourceRow } from '../page.js'
import type { Position } from '../position.js'
import { type Counted, DayTally } from './level-day-tally.js'
import * as layout from './level-layout.js'
import { beyondEnd, isDoubtful, lowest, readThrough } from './level-reader.js'
import type { LevelRows } from './level-rows.js'

/** What a scan covers: lower <= sent <= upper, strictly after `after`. */
export interface Span {
  lower: number
  upper: number
  after?: Position | undefined
}

export interface ScanFilter {
  accepts(topic: number): boolean
  /** Roughly the share of envelopes that pass, 0..1: with what is seen on the way it decides how many are read at once. */
  share: number
}

/** Envelopes read under one snapshot while none of them passes. */
const MAX_VISITED = 4096
/** How many envelopes the first guess of the share counts for. */
const GUESS = 50
const MIN_READ = 16
const MAX_READ = 1000

/** The envelopes of a span in the table by time. */
export function spanRange({ lower, upper, after }: Span): LevelRange {
  const { gte, lt } = layout.envelopeRange(lower, upper).bounds
  return { gte: after === undefined ? gte : layout.afterEnvelope(after.sent, after.hash), lt }
}

/** From where a read began to where it came, or to the end of its range, Unix seconds. */
export function timesOf(range: LevelRange, until: Uint8Array | undefined): [number, number] {
  const from = layout.envelopeSent('gt' in range ? range.gt : range.gte)
  const to = until === undefined ? layout.lastSent(range.lt) : layout.envelopeSent(until)
  return [from, Math.max(from, to)]
}

/** Reads the envelopes by time and leaves out those that do not pass. */
export class Scan implements RowSource {
  readonly #rows: LevelRows
  readonly #filter: ScanFilter
  readonly #tally: DayTally
  #visited = GUESS
  #passed: number
  #range: LevelRange | undefined
  /** Something cannot be read: from here on every read is one of its own. */
  #damaged = false

  constructor(counted: Counted, span: Span, filter: ScanFilter) {
    this.#rows = counted.rows
    this.#tally = new DayTally(counted, span)
    this.#filter = filter
    this.#passed = GUESS * filter.share
    this.#range = spanRange(span)
  }

  async next(room: Room, signal?: AbortSignal | undefined): Promise<SourceRow[] | undefined> {
    const piece = pieceOfWork()
    const wanted = Math.min(room.rows, SLICE_ROWS)
    const bytes = Math.min(room.bytes, SLICE_BYTES)
    while (this.#range !== undefined) {
      signal?.throwIfAborted()
      const rows = this.#damaged
        ? await this.#readThrough(this.#range, wanted, bytes)
        : await this.#read(this.#range, wanted, bytes)
      if (rows.length > 0) return rows
      if (this.#range !== undefined && piece.over) return undefined
    }
    return []
  }

  /** One snapshot's work: until there are enough rows or bytes, or too much was visited for nothing. */
  async #read(range: LevelRange, wanted: number, bytes: number): Promise<SourceRow[]> {
    const rows: SourceRow[] = []
    let size = 0
    let visited = 0
    let read = 0
    let over = false
    const iterator = this.#rows.store.iterator({ ...range, highWaterMarkBytes: bytes })
    try {
      while (!over && rows.length < wanted && size <= bytes && visited < MAX_VISITED) {
        const entries = await iterator.nextv(this.#batch(wanted - rows.length))
        over = entries.length === 0
        visited += entries.length
        read = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
        size += await this.#take(entries, rows, wanted)
      }
    } catch (error) {
      if (!isUnreadable(error)) throw error
      this.#damaged = true
    } finally {
      if (await closeIterator(iterator, range, { bytes: read, ended: over })) this.#damaged = true
    }
    const until = over ? undefined : this.#range && lowest(this.#range)
    if (this.#damaged || isDoubtful(this.#rows.store, range, until)) {
      rows.unshift(this.#rows.hole(...timesOf(range, this.#damaged ? undefined : until)))
    }
    if (over && !this.#damaged) await this.#end(rows)
    return rows
  }

  /** One read for itself. */
  async #readThrough(range: LevelRange, wanted: number, highWaterMarkBytes: number): Promise<SourceRow[]> {
    const rows: SourceRow[] = []
    const { entries } = await readThrough(this.#rows.store, { ...range, highWaterMarkBytes }, this.#batch(wanted))
    await this.#take(entries, rows, wanted)
    if (entries.length === 0) await this.#end(rows)
    return rows
  }

  /** Moves on behind the entries, as far as there is room for those that pass; returns the bytes of these. */
  async #take(entries: LevelEntry[], rows: SourceRow[], wanted: number): Promise<number> {
    const found = rows.length
    let size = 0
    let last: Uint8Array | undefined
    let taken = 0
    for (const entry of entries) {
      const [key, value] = entry
      if (rows.length === wanted) break
      last = key
      taken++
      if (!this.#filter.accepts(layout.envelopeTopic(key))) continue
      rows.push(this.#rows.row(key, value))
      size += entryBytes(entry)
    }
    if (last !== undefined && this.#range !== undefined) this.#range = { gt: last, lt: this.#range.lt }
    this.#visited += entries.length
    this.#passed += rows.length - found
    rows.unshift(...(await this.#tally.pass(taken === entries.length ? entries : entries.slice(0, taken))))
    return size
  }

  /** Nothing more came: it is the end, or a damaged key stands in the way. */
  async #end(rows: SourceRow[]): Promise<void> {
    const range = this.#range as LevelRange
    const on = await beyondEnd(this.#rows.store, range, layout.ENVELOPE_TIMES)
    this.#range = on.range
    if (on.range === undefined && !on.hole) rows.push(...(await this.#tally.end()))
    if (on.hole) rows.push(this.#rows.hole(...timesOf(range, on.range && lowest(on.range))))
  }

  #batch(missing: number): number {
    return Math.min(MAX_READ, Math.max(MIN_READ, Math.ceil((missing * this.#visited) / this.#passed)))
  }
}
