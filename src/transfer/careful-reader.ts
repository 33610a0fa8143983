import type { ClassicLevel, Iterator as LevelIterator } from 'classic-level'
import { isUnreadable } from '../archive/database/level-store.js'
import { BATCH_BYTES } from './import-source.js'

type Level = ClassicLevel<Uint8Array, Uint8Array>
type Entry = [key: Uint8Array, value: Uint8Array]
type Bounds = { gt?: Uint8Array; gte?: Uint8Array; lt?: Uint8Array }

/**
 * Reads a range of a LevelDB that may be damaged. LevelDB passes over a block that it cannot read, and says so beyond the end only,
 * in place of all that it would have given with it: then the rest is read one by one.
 */
export class CarefulReader {
  /** Whether something was passed over; known at the end. */
  damaged = false
  readonly #level: Level
  #bounds: Bounds
  #iterator: LevelIterator<Level, Uint8Array, Uint8Array>

  constructor(level: Level, bounds: Bounds) {
    this.#level = level
    this.#bounds = bounds
    this.#iterator = this.#open()
  }

  /** At most so many entries, or 1 MiB; none at the end. */
  async next(size: number): Promise<Entry[]> {
    if (this.damaged) return []
    try {
      return this.#passed(await this.#iterator.nextv(size))
    } catch (err) {
      if (!isUnreadable(err)) throw err
      return this.#oneByOne(size)
    }
  }

  close(): Promise<void> {
    return this.#iterator.close()
  }

  async #oneByOne(size: number): Promise<Entry[]> {
    await this.#iterator.close()
    this.#iterator = this.#open()
    const entries: Entry[] = []
    try {
      while (entries.length < size) {
        const next = this.#passed(await this.#iterator.nextv(1))
        if (next.length === 0) break
        entries.push(...next)
      }
    } catch (err) {
      if (!isUnreadable(err)) throw err
      this.damaged = true
    }
    return entries
  }

  #passed(entries: Entry[]): Entry[] {
    const last = entries.at(-1)
    if (last !== undefined) this.#bounds = { gt: last[0], ...('lt' in this.#bounds ? { lt: this.#bounds.lt } : {}) }
    return entries
  }

  #open() {
    return this.#level.iterator({ ...this.#bounds, highWaterMarkBytes: BATCH_BYTES, fillCache: false })
  }
}
