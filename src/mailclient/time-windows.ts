import { MAX_UINT32 } from '../wire/bytes.js'
import { decodeCursor, encodeCursor } from '../wire/request/cursor.js'
import { HistoryCursorError } from './errors.js'

/** A part of a range of times: Unix seconds, whole, both inclusive. */
export interface TimeWindow {
  readonly lower: number
  readonly upper: number
}

/** How far through time an answer had come when it was given up, by the `sent` of three of its envelopes. */
export interface Reached {
  readonly first: number
  /** Of the one with which half of the bytes had come. */
  readonly middle: number
  /** Of the last one. */
  readonly last: number
}

/** How much longer a window may be than the one before it: where little came, nobody knows what follows. */
const MAX_GROWTH = 8

/** Above every hash, so that a cursor with it lies behind the whole of its second. */
const LAST_HASH: Uint8Array = new Uint8Array(32).fill(0xff)

/**
 * Cuts a range of times into windows whose answers each hold about half of the bytes that one may have. The first one
 * reaches to the end of the range; the others follow what came.
 */
export class TimeWindows {
  readonly #range: TimeWindow
  readonly #wanted: number
  /** Of the next window, in seconds. */
  #span: number

  /** @param maxBytes most bytes of one answer, 1 or more */
  constructor(range: TimeWindow, { maxBytes }: { maxBytes: number }) {
    this.#range = range
    this.#wanted = Math.max(1, maxBytes / 2)
    this.#span = spanOf(range)
  }

  /**
   * The window that follows a cursor, 36 bytes: the seconds behind that of `cursorBehind`; of any other one its own
   * second too, since more of it may lie behind.
   *
   * @throws {HistoryCursorError} when it lies outside the range, or at its end
   */
  behind(cursor: Uint8Array | undefined): TimeWindow {
    const { upper: end } = this.#range
    const lower = this.#lowest(cursor)
    return { lower, upper: Math.min(end, lower + this.#span - 1) }
  }

  /** Where a walk goes on behind a window, 36 bytes; undefined where the range ends with it. */
  cursorBehind({ upper }: TimeWindow): Uint8Array | undefined {
    return upper >= this.#range.upper ? undefined : encodeCursor(upper, LAST_HASH)
  }

  /** A window came whole, with so many bytes: the next one is longer or shorter by them. */
  came(window: TimeWindow, bytes: number): void {
    const span = spanOf(window)
    const fitting = bytes === 0 ? Number.POSITIVE_INFINITY : Math.floor((span * this.#wanted) / bytes)
    this.#span = Math.max(1, Math.min(fitting, span * MAX_GROWTH, MAX_UINT32))
  }

  /**
   * The answer for a window was larger than it may be: the next one ends where half of the bytes had come, and covers at
   * most half of the time from the first envelope on. Returns false where it was a single second, and nothing less can be
   * asked for.
   *
   * @param reached undefined when it is not known
   */
  overflowed(window: TimeWindow, reached: Reached | undefined): boolean {
    const span = spanOf(window)
    if (span === 1) return false
    this.#span = Math.max(1, reached === undefined ? Math.floor(span / 2) : this.#through(window, reached))
    return true
  }

  /** Seconds of a window until half of the bytes had come; a second that may go on is left out. */
  #through({ lower, upper }: TimeWindow, { first, middle, last }: Reached): number {
    const whole = middle < last ? middle : middle - 1
    // before the first envelope there is nothing, from a server that goes from old to new
    const begin = first <= middle ? Math.min(Math.max(first, lower), upper) : lower
    const half = begin - lower + Math.floor((upper - begin + 1) / 2)
    return Math.min(half, whole - lower + 1)
  }

  #lowest(cursor: Uint8Array | undefined): number {
    const { lower, upper } = this.#range
    if (cursor === undefined) return lower
    const { sent } = decodeCursor(cursor)
    const next = isBehindSecond(cursor) ? sent + 1 : sent
    if (sent < lower || next > upper) throw new HistoryCursorError('nothing of the range lies behind the cursor')
    return next
  }
}

/** Whether a cursor, 36 bytes, lies behind all of its second. */
export function isBehindSecond(cursor: Uint8Array): boolean {
  return decodeCursor(cursor).hash.every(byte => byte === 0xff)
}

function spanOf({ lower, upper }: TimeWindow): number {
  return upper - lower + 1
}
