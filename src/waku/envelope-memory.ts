import type { Envelope } from '../wire/envelope.js'

const SLAB_BYTES = 4096
/** What is larger has memory of its own. */
const LARGE = 1024

/**
 * Memory for envelopes that are kept longer than the packet they came in: an allocation for each is a tenth of what taking one
 * in costs, so small ones share 4 KiB with others. A slab lives as long as the last of them: only such as live about equally
 * long share one.
 */
export class EnvelopeMemory {
  /** The slab in use for each order of magnitude of time left, and how much of it is taken. */
  readonly #slabs: Uint8Array[] = []
  readonly #taken: number[] = []

  /** Has an envelope keep its bytes here. `now` is Unix seconds. */
  keep(envelope: Envelope, now: number): void {
    envelope.moveTo(this.#take(envelope.size, Math.max(1, envelope.expiry - now)))
  }

  #take(size: number, seconds: number): Uint8Array {
    if (size > LARGE) return new Uint8Array(size)
    const order = Math.floor(Math.log2(seconds))
    let slab = this.#slabs[order]
    let at = this.#taken[order] ?? 0
    if (slab === undefined || at + size > SLAB_BYTES) {
      slab = new Uint8Array(SLAB_BYTES)
      this.#slabs[order] = slab
      at = 0
    }
    this.#taken[order] = at + size
    return slab.subarray(at, at + size)
  }
}
