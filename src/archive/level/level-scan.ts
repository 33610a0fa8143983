import { closeIterator, entryBytes, isUnreadable, type LevelEntry, type LevelRange } from '../database/level-store.js'
import { pieceOfWork, type Room, type RowSource, type SourceRow } from '../page.js'
import type { Position } from '../position.js'
import { type Counted, DayTally } from './level-day-tally.js'
import * as layout from './level-layout.js'
import { beyondEnd, isDoubtful, lowest, readThrough } from './level-reader.js'
import type { LevelRows } from './level-rows.js'
import { roomToRead, Slices } from './level-slices.js'

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
/** Envelopes that are to pass of one read: they are checked while the next read is under way. */
const PART = 256
const MAX_READ = 1000
/** Read beside those that are missing: less than what one read more takes. */
const SPARE = 16

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
  readonly #ready = new Slices()
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
    const { rows: wanted, bytes } = roomToRead(room)
    while (this.#ready.isEmpty && this.#range !== undefined) {
      signal?.throwIfAborted()
      const read = this.#damaged ? this.#readThrough : this.#read
      this.#ready.put(await read.call(this, this.#range, wanted, bytes))
      if (this.#ready.isEmpty && this.#range !== undefined && piece.over) return undefined
    }
    return this.#ready.take(room)
  }

  /**
   * One snapshot's work: until there are enough rows or bytes, or too much was visited for nothing. What passes is checked while more is
   * read, or the iterator closed.
   */
  async #read(range: LevelRange, wanted: number, bytes: number): Promise<SourceRow[]> {
    const rows: SourceRow[] = []
    let size = 0
    let visited = 0
    const end = { bytes: 0, ended: false }
    const iterator = this.#rows.store.iterator({ ...range, highWaterMarkBytes: bytes })
    let reading: Promise<LevelEntry[]> | undefined = iterator.nextv(this.#batch(wanted))
    let closing: Promise<boolean> | undefined
    try {
      while (reading !== undefined) {
        const entries: LevelEntry[] = await reading
        reading = undefined
        visited += entries.length
        end.ended = entries.length === 0
        const found = this.#passing(entries, wanted - rows.length)
        size += sizeOf(found.passing)
        const missing = wanted - rows.length - found.passing.length
        if (!end.ended && missing > 0 && size <= bytes && visited < MAX_VISITED) {
          reading = iterator.nextv(this.#batch(missing))
          reading.catch(() => {}) // when what follows fails nobody waits for it
        } else {
          end.bytes = sizeOf(entries)
          closing = closeIterator(iterator, range, end)
          closing.catch(() => {}) // told when what was found is checked, which may take long
        }
        await this.#take(found, rows)
      }
    } catch (error) {
      if (!isUnreadable(error)) throw error
      this.#damaged = true
    } finally {
      await reading?.catch(() => {})
      if (await (closing ?? closeIterator(iterator, range, end))) this.#damaged = true
    }
    const until = end.ended ? undefined : this.#range && lowest(this.#range)
    if (this.#damaged || isDoubtful(this.#rows.store, range, until)) {
      rows.unshift(this.#rows.hole(...timesOf(range, this.#damaged ? undefined : until)))
    }
    if (end.ended && !this.#damaged) await this.#end(rows)
    return rows
  }

  /** One read for itself. */
  async #readThrough(range: LevelRange, wanted: number, highWaterMarkBytes: number): Promise<SourceRow[]> {
    const rows: SourceRow[] = []
    const { entries } = await readThrough(this.#rows.store, { ...range, highWaterMarkBytes }, this.#batch(wanted))
    await this.#take(this.#passing(entries, wanted), rows)
    if (entries.length === 0) await this.#end(rows)
    return rows
  }

  /** Those that pass, as many as there is room for, and all up to the last one that was looked at. */
  #passing(entries: LevelEntry[], wanted: number): { passing: LevelEntry[]; taken: LevelEntry[] } {
    const passing: LevelEntry[] = []
    let taken = 0
    for (const entry of entries) {
      if (passing.length === wanted) break
      taken++
      if (!layout.isWhole(entry[0]) || this.#filter.accepts(layout.envelopeTopic(entry[0]))) passing.push(entry)
    }
    this.#visited += entries.length
    this.#passed += passing.length
    return { passing, taken: taken === entries.length ? entries : entries.slice(0, taken) }
  }

  /** Moves on behind what was looked at, and checks what passes. */
  async #take({ passing, taken }: { passing: LevelEntry[]; taken: LevelEntry[] }, rows: SourceRow[]): Promise<void> {
    const last = taken.at(-1)
    if (last !== undefined && this.#range !== undefined) this.#range = { gt: last[0], lt: this.#range.lt }
    for (const [key, value] of passing) rows.push(this.#rows.row(key, value))
    rows.unshift(...(await this.#tally.pass(taken)))
  }

  /** Nothing more came: it is the end, or a damaged key stands in the way. */
  async #end(rows: SourceRow[]): Promise<void> {
    const range = this.#range as LevelRange
    const on = await beyondEnd(this.#rows.store, range, layout.ENVELOPE_TIMES)
    this.#range = on.range
    if (on.range === undefined && !on.hole) rows.push(...(await this.#tally.end()))
    if (on.hole) rows.push(this.#rows.hole(...timesOf(range, on.range && lowest(on.range))))
  }

  /** How many entries to read for so many that pass. */
  #batch(missing: number): number {
    return Math.min(MAX_READ, Math.ceil((Math.min(missing, PART) * this.#visited) / this.#passed) + SPARE)
  }
}

const sizeOf = (entries: readonly LevelEntry[]): number => entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
