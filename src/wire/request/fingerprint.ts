import { concatBytes } from '../bytes.js'
import { keccak256 } from '../keccak.js'

/** Bytes of a fingerprint. */
export const FINGERPRINT_BYTES = 32
const WORDS = FINGERPRINT_BYTES / 4
/** So many words add up in a double without loss: 2^53 / 2^32, with room for what was carried. */
const MAX_UNCARRIED = 2 ** 20

/**
 * The fingerprint of a set of envelopes under a salt: the sum of keccak256(salt ‖ hash) over its members, modulo 2^256
 * (protocols/mailserver.md). It does not depend on the order in which they are added. Nobody who does not know the salt beforehand
 * can prepare two sets with the same one.
 */
export class Fingerprint {
  /** Envelopes added. */
  count = 0
  readonly #message: Uint8Array
  readonly #at: number
  /** Big-endian words, carried over now and then. */
  readonly #words = new Float64Array(WORDS)
  #uncarried = 0

  constructor(salt: Uint8Array) {
    this.#message = concatBytes(salt, new Uint8Array(32))
    this.#at = salt.length
  }

  /** @param hash - of an envelope, 32 bytes */
  add(hash: Uint8Array): void {
    this.#message.set(hash, this.#at)
    const digest = keccak256(this.#message)
    const view = new DataView(digest.buffer, digest.byteOffset, FINGERPRINT_BYTES)
    for (let i = 0; i < WORDS; i++) this.#words[i] = (this.#words[i] as number) + view.getUint32(4 * i)
    this.count++
    if (++this.#uncarried === MAX_UNCARRIED) this.#carry()
  }

  /** Adds all that another one with the same salt holds. */
  merge(other: Fingerprint): void {
    other.#carry()
    for (let i = 0; i < WORDS; i++) this.#words[i] = (this.#words[i] as number) + (other.#words[i] as number)
    this.count += other.count
    if (++this.#uncarried === MAX_UNCARRIED) this.#carry()
  }

  /** 32 bytes; zero for the empty set. */
  get bytes(): Uint8Array {
    this.#carry()
    const bytes = new Uint8Array(FINGERPRINT_BYTES)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < WORDS; i++) view.setUint32(4 * i, this.#words[i] as number)
    return bytes
  }

  #carry(): void {
    let carry = 0
    for (let i = WORDS - 1; i >= 0; i--) {
      const sum = (this.#words[i] as number) + carry
      carry = Math.floor(sum / 2 ** 32)
      this.#words[i] = sum - carry * 2 ** 32
    }
    this.#uncarried = 0
  }
}
