import { gcm } from '@noble/ciphers/aes.js'
import { concatBytes } from './bytes.js'
import { UnencodableError } from './errors.js'
import { randomBytes } from './random.js'

const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

function checkKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw new UnencodableError('a symmetric key is 32 bytes')
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
  const iv = options.iv ?? randomBytes(IV_BYTES)
  if (iv.length !== IV_BYTES) throw new UnencodableError('an iv is 12 bytes')
  return concatBytes(gcm(key, iv).encrypt(plain), iv)
}

/**
 * Decrypts what `sealSymmetric` made; undefined when this key does not open it.
 * @throws UnencodableError when the key is not 32 bytes, or zero
 */
export function openSymmetric(data: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  checkKey(key)
  if (data.length <= TAG_BYTES + IV_BYTES) return undefined
  const split = data.length - IV_BYTES
  try {
    return gcm(key, data.subarray(split)).decrypt(data.subarray(0, split))
  } catch {
    return undefined
  }
}
