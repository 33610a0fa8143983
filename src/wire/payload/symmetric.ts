import { gcm } from '@noble/ciphers/aes.js'
import { concatBytes } from '../bytes.js'
import { checkBytes } from '../checks.js'
import { UnencodableError } from '../errors.js'
import { randomBytes } from '../random.js'

const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

/** AES-256-GCM: key of 32 bytes, iv of 12; what is sealed ends with the tag. */
export interface AesGcm {
  seal(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Uint8Array
  /** @throws anything when the tag is wrong */
  open(key: Uint8Array, iv: Uint8Array, sealed: Uint8Array): Uint8Array
}

const portable: AesGcm = {
  seal: (key, iv, plain) => gcm(key, iv).encrypt(plain),
  open: (key, iv, sealed) => gcm(key, iv).decrypt(sealed)
}

let implementation: AesGcm = portable

/**
 * Puts a faster implementation in place of the portable one, for the whole process; it must return fresh arrays. Called without
 * one, goes back to the portable one.
 */
export function useAesGcm(aesGcm: AesGcm = portable): void {
  implementation = aesGcm
}

function checkKey(key: Uint8Array): void {
  checkBytes(key, 'a symmetric key', UnencodableError, KEY_BYTES)
  if (key.every(byte => byte === 0)) throw new UnencodableError('a symmetric key of zeros is no key')
}

/**
 * Encrypts with AES-256-GCM: ciphertext ‖ tag (16 bytes) ‖ iv (12 bytes), as 26/WAKU2-PAYLOAD has it.
 * @param options.iv 12 bytes, never to be used twice with one key; random by default
 * @throws UnencodableError when the key is not 32 bytes, or zero
 */
export function sealSymmetric(
  plain: Uint8Array,
  key: Uint8Array,
  options: { iv?: Uint8Array | undefined } = {}
): Uint8Array {
  checkKey(key)
  checkBytes(plain, 'a plaintext', UnencodableError)
  const iv = options.iv ?? randomBytes(IV_BYTES)
  checkBytes(iv, 'an iv', UnencodableError, IV_BYTES)
  return concatBytes(implementation.seal(key, iv, plain), iv)
}

/**
 * Decrypts what `sealSymmetric` made; undefined when this key does not open it.
 * @throws UnencodableError when the key is not 32 bytes, or zero, or the data are no bytes
 */
export function openSymmetric(data: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  checkKey(key)
  checkBytes(data, 'what is opened', UnencodableError)
  if (data.length <= TAG_BYTES + IV_BYTES) return undefined
  const split = data.length - IV_BYTES
  try {
    return implementation.open(key, data.subarray(split), data.subarray(0, split))
  } catch {
    return undefined
  }
}
