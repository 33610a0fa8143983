import type { LevelRange, LevelReads } from '../database/level-store.js'
import { comparePositions, type Position } from '../position.js'
import type { Found } from './level-census.js'
import type * as layout from './level-layout.js'
import type { Entry } from './level-layout.js'
import { readThrough } from './level-reader.js'

/** A read of so many index entries is never cut short by its bytes. */
export const MAX_WINDOW_READ = 2048
/**
 * So many are read at least: they take less time than another read. With hundreds of topics each window had a few entries read at a
 * time, and a page took five times as long.
 */
const MIN_WINDOW_READ = 16

/** Which topic on which day, and whether all of that day. */
export interface WindowPlace {
  day: number
  topic: number
  whole: boolean
}

/** What of one topic is asked for on one day: index entries read little by little, in order. */
export class Window {
  readonly place: WindowPlace
  readonly #store: LevelReads
  readonly #range: layout.EntryRange
  readonly #count: number
  readonly #expected: number
  #from: Uint8Array | undefined
  #read = 0
  #buffer: Entry[] = []
  #over = false
  #hole = false

  /**
   * @param place - what it is of
   * @param range - of the index, of that topic and day
   * @param count - how many entries that topic has on the whole day
   * @param expected - how many of them lie within the range, roughly
   */
  constructor(
    store: LevelReads,
    place: WindowPlace,
    { range, count, expected }: { range: layout.EntryRange; count: number; expected: number }
  ) {
    this.place = place
    this.#store = store
    this.#range = range
    this.#count = count
    this.#expected = expected
  }

  /** Nothing is buffered, but there may be more on disk. */
  get hungry(): boolean {
    return this.#buffer.length === 0 && !this.#over
  }

  /** Roughly how many entries are not read yet, at least 1 while there may be one. */
  get ahead(): number {
    return this.#over ? 0 : Math.max(1, this.#expected - this.#read)
  }

  /** The last entry up to which everything is buffered; absent when that is all there is. */
  get horizon(): Position | undefined {
    return this.#over ? undefined : this.#buffer.at(-1)
  }

  /** Whether something of it could not be read since this was last asked. */
  takeHole(): boolean {
    const hole = this.#hole
    this.#hole = false
    return hole
  }

  /** Reads about `size` more entries, and some at least. */
  async fill(size: number): Promise<void> {
    // One more than the count says, because only a read that comes back short tells that nothing is left.
    const wanted = Math.min(
      Math.max(MIN_WINDOW_READ, Math.ceil(size)),
      Math.max(1, this.#count - this.#read + 1),
      MAX_WINDOW_READ
    )
    const range: LevelRange =
      this.#from === undefined ? this.#range.bounds : { gt: this.#from, lt: this.#range.bounds.lt }
    const { entries: found, hole } = await readThrough(this.#store, range, wanted)
    if (hole) this.#hole = true
    this.#read += found.length
    this.#from = found.at(-1)?.[0] ?? this.#from
    this.#over = found.length < wanted
    const entries = found.map(([key, value]) => this.#range.read(key, value))
    if (!this.#isSound(entries)) this.#hole = true
    this.#buffer = this.#buffer.concat(entries)
  }

  /** What was found, once everything was read; absent until then. */
  get found(): Found | undefined {
    return this.#over ? { ...this.place, count: this.#count, read: this.#read } : undefined
  }

  /** Whether it is of this topic and in order: what is not has a damaged key, or comes behind one. */
  #isSound(entries: readonly Entry[]): boolean {
    let last = this.#buffer.at(-1)
    for (const entry of entries) {
      if (entry.topic !== this.place.topic || (last !== undefined && comparePositions(last, entry) >= 0)) return false
      last = entry
    }
    return true
  }

  /** Removes and returns what lies up to `horizon`. */
  takeUntil(horizon: Position | undefined): Entry[] {
    let length = this.#buffer.length
    if (horizon !== undefined)
      while (length > 0 && comparePositions(this.#buffer[length - 1] as Entry, horizon) > 0) length--
    return this.#buffer.splice(0, length)
  }
}
