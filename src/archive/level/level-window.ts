import type { LevelRange, LevelReads } from '../database/level-store.js'
import { comparePositions, type Position } from '../position.js'
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

/** What of one topic is asked for on one day: index entries read little by little, in order. */
export class Window {
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
   * @param range - of the index, one topic of one day
   * @param count - how many entries that topic has on the whole day
   * @param expected - how many of them lie within the range, roughly
   */
  constructor(store: LevelReads, range: layout.EntryRange, count: number, expected: number) {
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
    this.#buffer = this.#buffer.concat(found.map(([key, value]) => this.#range.read(key, value)))
  }

  /** Removes and returns what lies up to `horizon`. */
  takeUntil(horizon: Position | undefined): Entry[] {
    let length = this.#buffer.length
    if (horizon !== undefined)
      while (length > 0 && comparePositions(this.#buffer[length - 1] as Entry, horizon) > 0) length--
    return this.#buffer.splice(0, length)
  }
}
