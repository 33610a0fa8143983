import type { Entry } from './level-layout.js'
import { type Numbered, postingEntry, postingLength, postingOffset } from './level-posting.js'

/** Postings of a finished block brought into the order of ingest. */
export class PostedBlock {
  readonly #before: number
  readonly #topics: number[] = []
  readonly #postings: Uint8Array[] = []
  /** By offset: which posting it is in, counted from 1, and where there. */
  readonly #posting: Uint32Array
  readonly #place: Uint16Array
  /** So many postings cannot be read, are not what was written, or are missing. */
  unsound = 0

  /**
   * @param before - the last number before the block
   * @param size - numbers of a block
   */
  constructor(before: number, size: number) {
    this.#before = before
    this.#posting = new Uint32Array(size)
    this.#place = new Uint16Array(size)
  }

  add(topic: number, posting: Uint8Array): void {
    this.#topics.push(topic)
    this.#postings.push(posting)
    const number = this.#postings.length
    for (let i = postingLength(posting) - 1; i >= 0; i--) {
      const offset = postingOffset(posting, i)
      this.#posting[offset] = number
      this.#place[offset] = i
    }
  }

  /** Entries after a number that pass, as many as there is room for. */
  take(after: number, accepts: (entry: Entry) => boolean, room: { rows: number; bytes: number }): Numbered[] {
    const entries: Numbered[] = []
    let bytes = room.bytes
    for (let offset = after - this.#before; offset < this.#posting.length; offset++) {
      const number = this.#posting[offset] as number
      if (number === 0) continue
      const place = { before: this.#before, topic: this.#topics[number - 1] as number }
      const entry = postingEntry(this.#postings[number - 1] as Uint8Array, this.#place[offset] as number, place)
      if (!accepts(entry)) continue
      if (entries.length === room.rows || bytes < 0) break
      entries.push(entry)
      bytes -= entry.size
    }
    return entries
  }
}
