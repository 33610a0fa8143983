import { release, releaseLarge } from '../base/release.js'

/** Memory of its own for so many bytes of a body while it comes: who announces much and sends little has little. */
const PIECE = 256 * 1024

/**
 * The body of a large frame, decrypted as it comes and then put together step by step: 16 MiB at once would keep everybody waiting, and
 * what is sealed and what is open would be in memory side by side.
 */
export class LargeBody {
  readonly #size: number
  #pieces: Uint8Array[] = []
  /** How many bytes have come. */
  length = 0
  #whole: Uint8Array | undefined
  #gathered = 0

  /** @param size bytes of all of it */
  constructor(size: number) {
    this.#size = size
  }

  /** How many bytes are still to come. */
  get missing(): number {
    return this.#size - this.length
  }

  /** All of it, once `gather` was through. */
  get whole(): Uint8Array | undefined {
    return this.#gathered === this.#size ? this.#whole : undefined
  }

  /** Takes what comes next of it, at most what is missing. */
  push(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const at = this.length % PIECE
      if (at === 0) this.#pieces.push(memoryFor(Math.min(PIECE, this.missing)))
      const piece = this.#pieces[this.#pieces.length - 1] as Uint8Array
      const taken = bytes.subarray(from, from + piece.length - at)
      piece.set(taken, at)
      from += taken.length
      this.length += taken.length
    }
  }

  /** Puts the next piece to those before it; true when that was the last. To be called once nothing is missing. */
  gather(): boolean {
    if (this.#gathered === this.#size) return true
    this.#whole ??= memoryFor(this.#size)
    const piece = this.#pieces[this.#gathered / PIECE] as Uint8Array
    this.#whole.set(piece, this.#gathered)
    this.#gathered += piece.length
    releaseLarge(piece)
    return this.#gathered === this.#size
  }

  /** Nobody wants it any more. */
  release(): void {
    for (const piece of this.#pieces) if (piece.length > 0) release(piece)
    if (this.#whole !== undefined) release(this.#whole)
    this.#pieces = []
    this.#whole = undefined
  }
}

/** No zeros: to write so many takes as long as what is written over them. */
function memoryFor(size: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer)
}
