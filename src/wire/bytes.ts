import { MalformedError, UnencodableError } from './errors.js'

/** 2^32 - 1, the largest time, TTL, limit or range bound. */
export const MAX_UINT32 = 0xffff_ffff

export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  return joinBytes(parts)
}

/** The same for any number of parts: more than a call takes arguments. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Lexicographic order, a prefix before what it begins: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

const DIGITS = Uint8Array.from('0123456789abcdef', digit => digit.charCodeAt(0))
/** Characters that are made into a string at once: more than a call takes arguments must not be. */
const PIECE = 4096

/**
 * Lower case, without `0x`. One flat string: put together from pairs of digits it would stay a tree of as many pieces, which
 * is several times larger, for as long as it is kept.
 */
export function toHex(bytes: Uint8Array): string {
  if (2 * bytes.length > PIECE) return inPieces(bytes)
  const characters = new Array<number>(2 * bytes.length)
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    characters[2 * i] = DIGITS[byte >>> 4] as number
    characters[2 * i + 1] = DIGITS[byte & 15] as number
  }
  return String.fromCharCode.apply(null, characters)
}

function inPieces(bytes: Uint8Array): string {
  const pieces: string[] = []
  for (let at = 0; at < bytes.length; at += PIECE / 2) pieces.push(toHex(bytes.subarray(at, at + PIECE / 2)))
  return pieces.join('')
}

/**
 * Reads hexadecimal of either case, with or without `0x`.
 * @throws MalformedError
 */
export function fromHex(text: string): Uint8Array {
  const digits = text.startsWith('0x') ? text.slice(2) : text
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) throw new MalformedError('not a hexadecimal string')
  const bytes = new Uint8Array(digits.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/**
 * Four bytes, big-endian.
 * @throws MalformedError when they are not all there
 */
export function readUint32(bytes: Uint8Array, offset = 0): number {
  if (offset < 0 || offset + 4 > bytes.length) throw new MalformedError('four bytes expected')
  return (
    (((bytes[offset] as number) << 24) |
      ((bytes[offset + 1] as number) << 16) |
      ((bytes[offset + 2] as number) << 8) |
      (bytes[offset + 3] as number)) >>>
    0
  )
}

/**
 * Four bytes, big-endian.
 * @throws UnencodableError when `value` is no integer of 0..2^32-1
 */
export function writeUint32(value: number): Uint8Array {
  if (!isUint32(value)) throw new UnencodableError(`${value} is not an integer of 32 bits`)
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

export function isUint32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_UINT32
}
