import { releaseLarge } from '../base/release.js'

/** Chunks below this are gathered, so that a peer sending byte by byte costs what it sent and not an object per byte. */
const SMALL = 1024
const TAIL = 16 * 1024

/**
 * Bytes in the order they came; taking some copies only what lies across two chunks. A large chunk of which nothing is left is given back
 * at once: what was taken is to be used up before more is.
 */
export class ByteQueue {
  #chunks: Uint8Array[] = []
  #offset = 0
  /** Where small chunks are gathered: its used part is the last chunk. */
  #tail: Buffer | undefined
  #tailUsed = 0
  length = 0

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.length += chunk.length
    if (chunk.length >= SMALL || this.#chunks.length === 0) {
      this.#chunks.push(chunk)
      this.#tail = undefined
      return
    }
    if (this.#tail === undefined || this.#tailUsed + chunk.length > this.#tail.length) {
      this.#tail = Buffer.allocUnsafeSlow(TAIL)
      this.#tailUsed = 0
      this.#chunks.push(this.#tail)
    }
    this.#tail.set(chunk, this.#tailUsed)
    this.#tailUsed += chunk.length
    this.#chunks[this.#chunks.length - 1] = this.#tail.subarray(0, this.#tailUsed)
  }

  /** Exactly `count` bytes, which must be there. */
  take(count: number): Uint8Array {
    this.length -= count
    const first = this.#chunks[0] as Uint8Array
    if (first.length - this.#offset >= count) {
      const taken = first.subarray(this.#offset, this.#offset + count)
      this.#advance(count, first)
      return taken
    }
    const taken = Buffer.allocUnsafe(count)
    let filled = 0
    let used = 0
    while (filled < count) {
      const chunk = this.#chunks[used] as Uint8Array
      const part = chunk.subarray(this.#offset, this.#offset + count - filled)
      taken.set(part, filled)
      filled += part.length
      this.#offset += part.length
      if (this.#offset === chunk.length) {
        this.#offset = 0
        used++
        releaseLarge(chunk)
      }
    }
    // One cut for all chunks used up: a shift each would be quadratic in a large frame.
    this.#chunks.splice(0, used)
    if (this.#chunks.length === 0) this.#tail = undefined
    return taken
  }

  #advance(count: number, first: Uint8Array): void {
    this.#offset += count
    if (this.#offset === first.length) {
      this.#offset = 0
      this.#chunks.shift()
      if (this.#chunks.length === 0) this.#tail = undefined
    }
  }
}
