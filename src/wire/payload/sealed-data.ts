import { openAsymmetric } from './asymmetric.js'
import { openSymmetric } from './symmetric.js'

export interface OpeningKeys {
  /** 32 bytes each. */
  symmetric?: Iterable<Uint8Array> | undefined
  /** secp256k1 private keys, 32 bytes each. */
  asymmetric?: Iterable<Uint8Array> | undefined
}

/**
 * The plaintext of an envelope's data, by the first of the keys that opens it: nothing in the data says which kind of
 * encryption it has (26/WAKU2-PAYLOAD). Symmetric keys come first, since they cost a hundredth.
 */
export function openData(data: Uint8Array, keys: OpeningKeys): Uint8Array | undefined {
  for (const key of keys.symmetric ?? []) {
    const plain = openSymmetric(data, key)
    if (plain !== undefined) return plain
  }
  for (const key of keys.asymmetric ?? []) {
    const plain = openAsymmetric(data, key)
    if (plain !== undefined) return plain
  }
  return undefined
}
