import type { Envelope } from '../wire/envelope/envelope.js'
import type { SeenEnvelope } from './seen-envelopes.js'

/**
 * Unexpired envelopes in the order in which they became ready for forwarding. Each peer reads it at its own pace, by
 * position, so a slow peer costs nothing but what it misses. Bounded by count and bytes; the oldest are dropped first.
 */
export class Pool {
  #entries: SeenEnvelope[] = []
  /** Nothing before this index is left. */
  #head = 0
  #live = 0
  #bytes = 0
  #last = 0
  #evictedTo = 0
  readonly #maxEnvelopes: number
  readonly #maxBytes: number

  constructor(maxEnvelopes: number, maxBytes: number) {
    this.#maxEnvelopes = maxEnvelopes
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#live
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Position of the newest entry ever added; 0 when there was none. */
  get last(): number {
    return this.#last
  }

  /** Everything up to this position that is gone may have been dropped for lack of room. */
  get evictedTo(): number {
    return this.#evictedTo
  }

  /** Returns how many had to be dropped for it. */
  add(entry: SeenEnvelope): number {
    entry.position = ++this.#last
    this.#entries.push(entry)
    this.#live++
    this.#bytes += (entry.envelope as Envelope).size
    let evicted = 0
    while (this.#live > this.#maxEnvelopes || this.#bytes > this.#maxBytes) {
      const oldest = this.#entries[this.#head++] as SeenEnvelope
      if (oldest.envelope === undefined) continue
      this.#evictedTo = oldest.position
      this.remove(oldest)
      evicted++
    }
    if (this.#entries.length > 2 * this.#live + 1024) this.#compact()
    return evicted
  }

  /** The entry is no longer offered; its envelope is let go. */
  remove(entry: SeenEnvelope): void {
    if (entry.envelope === undefined) return
    if (entry.position > 0) {
      this.#live--
      this.#bytes -= entry.envelope.size
    }
    entry.envelope = undefined
  }

  /** Calls `visit` for the entries after `position` until it returns false; returns the position reached. */
  visit(position: number, visit: (entry: SeenEnvelope, envelope: Envelope) => boolean): number {
    let reached = position
    for (let index = this.#indexAfter(position); index < this.#entries.length; index++) {
      const entry = this.#entries[index] as SeenEnvelope
      if (entry.envelope !== undefined && !visit(entry, entry.envelope)) return reached
      reached = entry.position
    }
    return Math.max(reached, this.#last)
  }

  #indexAfter(position: number): number {
    let low = this.#head
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle] as SeenEnvelope).position <= position) low = middle + 1
      else high = middle
    }
    return low
  }

  #compact(): void {
    this.#entries = this.#entries.filter(entry => entry.envelope !== undefined)
    this.#head = 0
  }
}
