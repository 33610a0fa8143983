import type { Envelope } from '../wire/envelope/envelope.js'

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

  /** Has an envelope keep its bytes and its hash here. `now` is Unix seconds. */
  keep(envelope: Envelope, now: number): void {
    const size = envelope.roomSize
    if (size > LARGE) {
      envelope.moveTo(new Uint8Array(size), 0)
      return
    }
    const order = Math.floor(Math.log2(Math.max(1, envelope.expiry - now)))
    let slab = this.#slabs[order]
    let at = this.#taken[order] ?? 0
    if (slab === undefined || at + size > SLAB_BYTES) {
      slab = new Uint8Array(SLAB_BYTES)
      this.#slabs[order] = slab
      at = 0
    }
    envelope.moveTo(slab, at)
    this.#taken[order] = at + size
  }
}
