import type { Envelope } from '../wire/envelope.js'

/** How many hashes are kept, of 100 bytes each. */
const MAX_KEPT = 262_144
/** Seconds whose hashes are kept, and forgotten, together. */
const WINDOW = 64

/**
 * The hashes of the envelopes that were sent last, complete above a certain time: whether one of those is stored needs no look
 * at the disk. Live traffic is nearly all of that kind.
 */
export class NewestEnvelopes {
  readonly #max: number
  readonly #windows = new Map<number, Set<string>>()
  #size = 0
  /** The last window that is not complete. */
  #floor = Number.POSITIVE_INFINITY

  constructor(max: number = MAX_KEPT) {
    this.#max = max
  }

  /**
   * Forgets everything.
   * @param newest nothing that is stored was sent later, Unix seconds
   */
  reset(newest: number): void {
    this.#windows.clear()
    this.#size = 0
    this.#floor = windowOf(newest)
  }

  /** Whether an envelope is stored; undefined when that has to be looked up. */
  has({ sent, hashHex }: Envelope): boolean | undefined {
    const window = windowOf(sent)
    return window <= this.#floor ? undefined : this.#windows.get(window)?.has(hashHex) === true
  }

  /** To be told of every envelope that was stored. */
  add({ sent, hashHex }: Envelope): void {
    const window = windowOf(sent)
    if (window <= this.#floor) return
    let hashes = this.#windows.get(window)
    if (hashes === undefined) {
      hashes = new Set()
      this.#windows.set(window, hashes)
    }
    const before = hashes.size
    hashes.add(hashHex)
    this.#size += hashes.size - before
    if (this.#size > this.#max) this.#forgetOldest()
  }

  /** To be told of every envelope that was deleted. */
  delete(sent: number, hash: () => string): void {
    const hashes = this.#windows.get(windowOf(sent))
    if (hashes?.delete(hash()) === true) this.#size--
  }

  /** An eighth at a time, or more where a window is larger. */
  #forgetOldest(): void {
    for (const window of [...this.#windows.keys()].sort((a, b) => a - b)) {
      this.#size -= this.#windows.get(window)?.size ?? 0
      this.#windows.delete(window)
      this.#floor = window
      if (this.#size <= this.#max * 0.875) return
    }
  }
}

const windowOf = (sent: number): number => Math.floor(sent / WINDOW)
