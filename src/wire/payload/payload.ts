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

/** A plaintext cut into its parts, its signature unread. */
export interface PayloadParts {
  payload: Uint8Array
  padding: Uint8Array
  /** What is signed, and with what; absent when unsigned. */
  signed?: { bytes: Uint8Array; signature: Uint8Array } | undefined
}

/**
 * Cuts a decrypted plaintext. Flag bits 3..7 are ignored; with a length field of 0 bytes all of it is padding.
 * @throws MalformedError when a length reaches beyond the bytes
 */
export function splitPayload(plain: Uint8Array): PayloadParts {
  checkBytes(plain, 'a plaintext', MalformedError)
  if (plain.length === 0) throw new MalformedError('a plaintext is empty')
  const flags = plain[0] as number
  const isSigned = (flags & SIGNED_FLAG) !== 0
  const end = plain.length - (isSigned ? SIGNATURE_BYTES : 0)
  if (isSigned && end <= 1) throw new MalformedError('a signature is cut short')
  const width = flags & SIZE_MASK
  const start = 1 + width
  if (start > end) throw new MalformedError('the length of a payload is cut short')
  let length = 0
  for (let i = width; i > 0; i--) length = length * 256 + (plain[i] as number)
  if (length > end - start) throw new MalformedError('a payload is cut short')
  const payload = plain.subarray(start, start + length)
  const padding = plain.subarray(start + length, end)
  if (!isSigned) return { payload, padding }
  return { payload, padding, signed: { bytes: plain.subarray(0, end), signature: plain.subarray(end) } }
}

/**
 * Who signed it, as an uncompressed public key of 65 bytes; undefined when nobody did. Takes about a millisecond.
 * @throws MalformedError when the signature is none
 */
export function signerOf({ signed }: PayloadParts): Uint8Array | undefined {
  return signed && recoverSigner(keccak256(signed.bytes), signed.signature)
}

/**
 * Reads a decrypted plaintext. Flag bits 3..7 are ignored; with a length field of 0 bytes all of it is padding.
 * @param options.recover false leaves the signer out, and the signature unread: recovering one is slow
 * @throws MalformedError when a length reaches beyond the bytes or the signature is none
 */
export function decodePayload(plain: Uint8Array, options: { recover?: boolean | undefined } = {}): OpenedPayload {
  const parts = splitPayload(plain)
  const opened: OpenedPayload = { payload: parts.payload, padding: parts.padding }
  if (parts.signed !== undefined && options.recover !== false) opened.signer = signerOf(parts)
  return opened
}
