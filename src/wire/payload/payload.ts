import { concatBytes } from '../bytes.js'
import { checkBytes } from '../checks.js'
import { MalformedError, UnencodableError } from '../errors.js'
import { keccak256 } from '../keccak.js'
import { type RandomSource, randomBytes } from '../random.js'
import { recoverSigner, SIGNATURE_BYTES, sign } from './signature.js'

const SIZE_MASK = 0x03
const SIGNED_FLAG = 0x04
const PADDING_BLOCK = 256

/** First length that does not fit the three bytes of the length field. */
export const MAX_PAYLOAD: number = 2 ** 24 - 1

/** What a payload says once decrypted (26/WAKU2-PAYLOAD). */
export interface OpenedPayload {
  payload: Uint8Array
  padding: Uint8Array
  /** Uncompressed public key (65 bytes) of the signature's maker; absent when unsigned. */
  signer?: Uint8Array | undefined
}

export interface PayloadInit {
  /** At most 2^24-1 bytes. */
  payload: Uint8Array
  /** secp256k1 private key, 32 bytes. */
  signWith?: Uint8Array | undefined
  /** Used as it is; by default 1..256 random bytes that make the whole a multiple of 256. */
  padding?: Uint8Array | undefined
  random?: RandomSource | undefined
}

/**
 * The plaintext of an envelope's data: flags ‖ length (1..3 bytes, little-endian) ‖ payload ‖ padding ‖ signature.
 * @throws UnencodableError when the payload is too long or no bytes
 */
export function encodePayload({ payload, signWith, padding, random = randomBytes }: PayloadInit): Uint8Array {
  checkBytes(payload, 'a payload', UnencodableError)
  if (signWith !== undefined) checkBytes(signWith, 'a private key to sign with', UnencodableError, 32)
  const length = payload.length
  if (length > MAX_PAYLOAD) throw new UnencodableError(`a payload has at most ${MAX_PAYLOAD} bytes`)
  const width = length < 2 ** 8 ? 1 : length < 2 ** 16 ? 2 : 3
  const head = Uint8Array.of(
    width | (signWith === undefined ? 0 : SIGNED_FLAG),
    ...[length, length >> 8, length >> 16].slice(0, width)
  )
  const used = head.length + length + (signWith === undefined ? 0 : SIGNATURE_BYTES)
  const filled = concatBytes(head, payload, padding ?? random(PADDING_BLOCK - (used % PADDING_BLOCK)))
  return signWith === undefined ? filled : concatBytes(filled, sign(keccak256(filled), signWith))
}

/**
 * Reads a decrypted plaintext. Flag bits 3..7 are ignored; with a length field of 0 bytes all of it is padding.
 * @param options.recover false leaves the signer out, and the signature unread: recovering one is slow
 * @throws MalformedError when a length reaches beyond the bytes or the signature is none
 */
export function decodePayload(plain: Uint8Array, options: { recover?: boolean | undefined } = {}): OpenedPayload {
  checkBytes(plain, 'a plaintext', MalformedError)
  if (plain.length === 0) throw new MalformedError('a plaintext is empty')
  const flags = plain[0] as number
  const signed = (flags & SIGNED_FLAG) !== 0
  const end = plain.length - (signed ? SIGNATURE_BYTES : 0)
  if (signed && end <= 1) throw new MalformedError('a signature is cut short')
  const width = flags & SIZE_MASK
  const start = 1 + width
  if (start > end) throw new MalformedError('the length of a payload is cut short')
  let length = 0
  for (let i = width; i > 0; i--) length = length * 256 + (plain[i] as number)
  if (length > end - start) throw new MalformedError('a payload is cut short')
  const opened: OpenedPayload = {
    payload: plain.subarray(start, start + length),
    padding: plain.subarray(start + length, end)
  }
  if (signed && options.recover !== false)
    opened.signer = recoverSigner(keccak256(plain.subarray(0, end)), plain.subarray(end))
  return opened
}
