import { createECDH } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { pointFromScalar, pointMultiply } from 'tiny-secp256k1'

/** A key of secp256k1, ready to agree on secrets. */
export interface CurveKey {
  /** 32 bytes. */
  readonly privateKey: Uint8Array
  /** 65 bytes, uncompressed. */
  readonly publicKey: Uint8Array
  /** The x coordinate (32 bytes) of the point shared with the holder of `publicKey` (65 bytes). Throws for no point. */
  agree(publicKey: Uint8Array): Uint8Array
}

/**
 * By the platform's OpenSSL, ten times as fast; undefined where it does not have the curve, as in Electron (BoringSSL).
 *
 * @param privateKey 32 bytes; random when absent
 */
export function platformKey(privateKey?: Uint8Array): CurveKey | undefined {
  let ecdh: ReturnType<typeof createECDH>
  try {
    ecdh = createECDH('secp256k1')
  } catch {
    return undefined
  }
  if (privateKey === undefined) ecdh.generateKeys()
  else ecdh.setPrivateKey(privateKey)
  // OpenSSL drops leading zeros of a private key
  const raw = ecdh.getPrivateKey()
  const padded = new Uint8Array(32)
  padded.set(raw, 32 - raw.length)
  return {
    privateKey: privateKey ?? padded,
    publicKey: new Uint8Array(ecdh.getPublicKey()),
    agree: publicKey => ecdh.computeSecret(publicKey)
  }
}

/** The same in JavaScript, everywhere. */
export function portableKey(privateKey: Uint8Array = secp256k1.utils.randomSecretKey()): CurveKey {
  return {
    privateKey,
    publicKey: secp256k1.getPublicKey(privateKey, false),
    agree: publicKey => secp256k1.getSharedSecret(privateKey, publicKey, true).slice(1)
  }
}

/**
 * For what is used once, by libsecp256k1 in WebAssembly, five times as fast as the platform's. How long it takes depends on the
 * key: that tells nothing of one that is never used again, and too much of one that is.
 */
export function fleetingKey(privateKey: Uint8Array = secp256k1.utils.randomSecretKey()): CurveKey {
  return {
    privateKey,
    publicKey: pointFromScalar(privateKey, false) as Uint8Array,
    agree: publicKey => (pointMultiply(publicKey, privateKey, true) as Uint8Array).slice(1)
  }
}
