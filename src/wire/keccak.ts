import { keccak_256 } from '@noble/hashes/sha3.js'
import { checkFunction } from './checks.js'

/** Keccak-256: 32 bytes. */
export type Hash = (bytes: Uint8Array) => Uint8Array

/** Hashes `prefix ‖ suffix` for one suffix after the other. */
type HashAfter = (prefix: Uint8Array) => Hash

const portableAfter: HashAfter = prefix => {
  const state = keccak_256.create().update(prefix)
  return suffix => state.clone().update(suffix).digest()
}

let implementation: Hash = keccak_256
let implementationAfter: HashAfter = portableAfter

/** Keccak-256 (the original padding, not SHA-3), 32 bytes. */
export function keccak256(bytes: Uint8Array): Uint8Array {
  return implementation(bytes)
}

/** Leading zero bits of a hash, 0..256. */
export function leadingZeroBits(hash: Uint8Array): number {
  let bits = 0
  for (const byte of hash) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24
    bits += 8
  }
  return bits
}

/**
 * Puts a faster implementation in place of the portable one, for the whole process. It must return a fresh array
 * each time. Called without one, goes back to the portable one.
 * @param after of what `keccakAfter` does; the portable one when absent
 *
 * @throws {TypeError} when one is no function
 */
export function useKeccak(hash: Hash = keccak_256, after: HashAfter = portableAfter): void {
  checkFunction(hash, 'a hash', TypeError)
  checkFunction(after, 'a hash behind a prefix', TypeError)
  implementation = hash
  implementationAfter = after
}

/** Hashes `prefix ‖ suffix` for many suffixes at the price of the suffix: what a search for a nonce does. */
export function keccakAfter(prefix: Uint8Array): Hash {
  return implementationAfter(prefix)
}
