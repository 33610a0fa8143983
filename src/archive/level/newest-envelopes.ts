import { readUint32 } from '../../wire/bytes.js'
import type { Envelope } from '../../wire/envelope/envelope.js'

/** How many fingerprints are kept, of some 25 bytes each. */
const MAX_KEPT = 262_144
/** Seconds whose fingerprints are kept, and forgotten, together. */
const WINDOW = 64

/**
 * Fingerprints of the envelopes that were sent last, complete above a certain time: that one of those is not stored yet
 * needs no look at the disk. Live traffic is nearly all of that kind.
 */
export class NewestEnvelopes {
  readonly #max: number
  readonly #windows = new Map<number, Set<number>>()
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

  /** Whether an envelope is certainly not stored; if not, that has to be looked up. */
  lacks({ sent, hash }: Pick<Envelope, 'sent' | 'hash'>): boolean {
    const window = windowOf(sent)
    return window > this.#floor && this.#windows.get(window)?.has(fingerprintOf(hash)) !== true
  }

  /** To be told of every envelope that was stored. */
  add({ sent, hash }: Pick<Envelope, 'sent' | 'hash'>): void {
    const window = windowOf(sent)
    if (window <= this.#floor) return
    let fingerprints = this.#windows.get(window)
    if (fingerprints === undefined) {
      fingerprints = new Set()
      this.#windows.set(window, fingerprints)
    }
    const before = fingerprints.size
    fingerprints.add(fingerprintOf(hash))
    this.#size += fingerprints.size - before
    if (this.#size > this.#max) this.#forgetOldest()
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

/** 30 bits, which a Set holds without an object; two that share one cost a look-up. */
export const fingerprintOf = (hash: Uint8Array): number => readUint32(hash, 0) >>> 2
