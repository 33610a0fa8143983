import { secp256k1 } from '@noble/curves/secp256k1.js'
import { MalformedError } from '../errors.js'

/** r (32 bytes) ‖ s (32 bytes) ‖ v (1 byte). */
export const SIGNATURE_BYTES = 65

/** Signs a digest of 32 bytes with a secp256k1 key of 32 bytes: 65 bytes, by RFC 6979, with a low s. v is 0 or 1, as every deployed reader wants it. */
export type Signer = (digest: Uint8Array, privateKey: Uint8Array) => Uint8Array

const portable: Signer = (digest, privateKey) => {
  const signature = secp256k1.sign(digest, privateKey, { prehash: false, format: 'recovered' })
  return signatureOf(signature.subarray(1), signature[0] as number)
}

let implementation: Signer = portable

/** Puts a faster implementation in place of the portable one, for the whole process. Called without one, goes back to the portable one. */
export function useSigner(signer: Signer = portable): void {
  implementation = signer
}

export const sign: Signer = (digest, privateKey) => implementation(digest, privateKey)

/** @param rs r ‖ s, 64 bytes */
export function signatureOf(rs: Uint8Array, v: number): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_BYTES)
  signature.set(rs)
  signature[64] = v
  return signature
}

/**
 * The uncompressed public key (65 bytes, 04 first) that made a signature. v may be 0, 1, 27 or 28, and s may be high.
 * @throws MalformedError when no key can have made it
 */
export function recoverSigner(digest: Uint8Array, signature: Uint8Array): Uint8Array {
  if (signature.length !== SIGNATURE_BYTES) throw new MalformedError('a signature is 65 bytes')
  const v = signature[64] as number
  const recovery = v >= 27 ? v - 27 : v
  if (recovery > 1) throw new MalformedError('the last byte of a signature is 0, 1, 27 or 28')
  try {
    return secp256k1.Signature.fromBytes(signature.subarray(0, 64), 'compact')
      .addRecoveryBit(recovery)
      .recoverPublicKey(digest)
      .toBytes(false)
  } catch {
    throw new MalformedError('no key can have made the signature')
  }
}

/** The uncompressed public key (65 bytes, 04 first) of a private key of 32 bytes. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  return secp256k1.getPublicKey(privateKey, false)
}
