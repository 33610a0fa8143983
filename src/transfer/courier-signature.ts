import { concatBytes } from '../wire/bytes.js'
import { MalformedError } from '../wire/errors.js'
import { keccak256 } from '../wire/keccak.js'
import { recoverSigner, sign } from '../wire/payload/signature.js'

/** Nothing else that an identity signs begins like this. */
const DOMAIN = new TextEncoder().encode('waku-mailserver courier file 1\n')

/**
 * Signs what a courier file holds, for its last frame: 65 bytes.
 * @param digest - SHA-256 of everything before that frame
 */
export function signCourier(digest: Uint8Array, privateKey: Uint8Array): Uint8Array {
  return sign(keccak256(concatBytes(DOMAIN, digest)), privateKey)
}

/** The public key (65 bytes) of who signed; undefined when nobody can have. */
export function signerOf(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  try {
    return recoverSigner(keccak256(concatBytes(DOMAIN, digest)), signature)
  } catch (err) {
    if (err instanceof MalformedError) return undefined
    throw err
  }
}
