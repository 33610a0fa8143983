import { release } from '../base/release.js'

/** What is there for a frame when its first bytes come. */
const FIRST = 64 * 1024

/**
 * The bytes of a large frame in memory of their own. What a connection decrypts in one piece may be of many streams, and lives as
 * long as any part of it; this is given back with the frame. It grows as that comes: who announces much and sends little has little.
 */
export class LargeFrame {
  readonly #size: number
  #bytes: Uint8Array
  /** How many of them have come. */
  length = 0

  /** @param size bytes of the whole frame */
  constructor(size: number) {
    this.#size = size
    this.#bytes = new Uint8Array(Math.min(size, FIRST))
  }

  /** All of them, once they are there. */
  get whole(): Uint8Array | undefined {
    return this.length === this.#size ? this.#bytes : undefined
  }

  /** Takes what is of it; returns how many bytes those were. */
  push(chunk: Uint8Array): number {
    const taken = Math.min(chunk.length, this.#size - this.length)
    const needed = this.length + taken
    if (needed > this.#bytes.length) this.#grow(needed)
    this.#bytes.set(chunk.subarray(0, taken), this.length)
    this.length = needed
    return taken
  }

  release(): void {
    release(this.#bytes)
    this.length = 0
  }

  #grow(needed: number): void {
    const before = this.#bytes
    this.#bytes = new Uint8Array(Math.min(this.#size, Math.max(needed, 2 * before.length)))
    this.#bytes.set(before.subarray(0, this.length))
    release(before)
  }
}
