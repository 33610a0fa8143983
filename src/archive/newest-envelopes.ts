import type { Envelope } from '../wire/envelope.js'

/** How many hashes are kept; about 30 MB with what a node keeps of the same envelopes anyway. */
const MAX_KEPT = 262_144

/**
 * The hashes of the envelopes that were sent last, complete above a certain time: whether one of those is stored needs no look
 * at the disk. Live traffic is nearly all of that kind.
 */
export class NewestEnvelopes {
  readonly #max: number
  readonly #bySent = new Map<number, Set<string>>()
  #size = 0
  #floor = Number.POSITIVE_INFINITY

  constructor(max: number = MAX_KEPT) {
    this.#max = max
  }

  /**
   * Forgets everything.
   * @param newest nothing that is stored was sent later, Unix seconds
   */
  reset(newest: number): void {
    this.#bySent.clear()
    this.#size = 0
    this.#floor = newest
  }

  /** Whether an envelope is stored; undefined when that has to be looked up. */
  has({ sent, hashHex }: Envelope): boolean | undefined {
    if (sent <= this.#floor) return undefined
    return this.#bySent.get(sent)?.has(hashHex) === true
  }

  /** To be told of every envelope that was stored. */
  add({ sent, hashHex }: Envelope): void {
    if (sent <= this.#floor) return
    let hashes = this.#bySent.get(sent)
    if (hashes === undefined) {
      hashes = new Set()
      this.#bySent.set(sent, hashes)
    }
    const before = hashes.size
    hashes.add(hashHex)
    this.#size += hashes.size - before
    if (this.#size > this.#max) this.#forgetOldest()
  }

  /** To be told of every envelope that was deleted. */
  delete(sent: number, hash: () => string): void {
    const hashes = this.#bySent.get(sent)
    if (hashes?.delete(hash()) === true) this.#size--
  }

  /** An eighth at a time, and a second as a whole. */
  #forgetOldest(): void {
    for (const sent of [...this.#bySent.keys()].sort((a, b) => a - b)) {
      this.#size -= this.#bySent.get(sent)?.size ?? 0
      this.#bySent.delete(sent)
      this.#floor = sent
      if (this.#size <= this.#max * 0.875) return
    }
  }
}
