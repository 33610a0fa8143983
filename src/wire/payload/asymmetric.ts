import { eciesOpen, eciesSeal } from './ecies.js'

/**
 * Seals a 26/WAKU2-PAYLOAD plaintext for the holder of a secp256k1 key.
 *
 * @param publicKey 33 or 65 bytes
 * @throws RangeError for an empty plaintext
 */
export function sealAsymmetric(plain: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return eciesSeal(plain, publicKey)
}

/** Opens a payload sealed for this key (32 bytes). `undefined`: this key does not open it. */
export function openAsymmetric(data: Uint8Array, privateKey: Uint8Array): Uint8Array | undefined {
  return eciesOpen(data, privateKey)
}
