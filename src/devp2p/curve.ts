import { secp256k1 } from '@noble/curves/secp256k1.js'
import { pointAdd, pointFromScalar, pointMultiply, privateSub } from 'tiny-secp256k1'

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
 * For what is used once, by libsecp256k1 in WebAssembly, five times as fast as the platform's OpenSSL. How long it takes depends on
 * the key: that tells nothing of one that is never used again, and too much of one that is.
 */
export function fleetingKey(privateKey: Uint8Array = secp256k1.utils.randomSecretKey()): CurveKey {
  return {
    privateKey,
    publicKey: pointFromScalar(privateKey, false) as Uint8Array,
    agree: publicKey => (pointMultiply(publicKey, privateKey, true) as Uint8Array).slice(1)
  }
}

/**
 * For what is used again and again, twice as fast as the platform's: each time the key is the sum of two that are used once, so that
 * how long they take tells nothing of it (exponent splitting: Clavier and Joye, "Universal Exponentiation Algorithm", 2001).
 */
export function lastingKey(privateKey: Uint8Array = secp256k1.utils.randomSecretKey()): CurveKey {
  return {
    privateKey,
    publicKey: secp256k1.getPublicKey(privateKey, false),
    agree: publicKey => {
      for (;;) {
        const part = secp256k1.utils.randomSecretKey()
        const rest = privateSub(privateKey, part)
        // the same number, or one that makes both points opposite: neither will be met
        const sum = rest && pointAdd(multiply(publicKey, part), multiply(publicKey, rest), true)
        if (sum) return sum.slice(1)
      }
    }
  }
}

function multiply(publicKey: Uint8Array, scalar: Uint8Array): Uint8Array {
  return pointMultiply(publicKey, scalar, false) as Uint8Array
}
