import { little32 } from './little.js'

/** One table for each of sixteen bytes that are taken at once: 256 entries each. */
const TABLES = makeTables(0x82f6_3b78)
const BYTE = TABLES.subarray(0, 256)
/** Bytes are taken four at a time where a word of the machine begins with the lowest. */
const IS_LITTLE = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/** Memory in words: to make these anew for each of a thousand blocks of a table takes as long as to look at them. */
const words = new WeakMap<ArrayBufferLike, Int32Array>()

function wordsOf(memory: ArrayBufferLike): Int32Array {
  const known = words.get(memory)
  if (known !== undefined) return known
  const made = new Int32Array(memory, 0, memory.byteLength >>> 2)
  words.set(memory, made)
  return made
}

/** CRC-32C of `bytes` from `from` to before `to`, as LevelDB keeps it of blocks and records. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const t = TABLES
  const start = from + (-(bytes.byteOffset + from) & 3)
  const count = IS_LITTLE && to - start >= 16 ? (to - start) >>> 4 : 0
  if (count === 0) return ~single(-1, bytes, from, to) >>> 0
  let crc = single(-1, bytes, from, start)
  const w = wordsOf(bytes.buffer)
  const begin = (bytes.byteOffset + start) >>> 2
  for (let i = begin; i < begin + 4 * count; i += 4) {
    const a = crc ^ (w[i] as number)
    const b = w[i + 1] as number
    const c = w[i + 2] as number
    const d = w[i + 3] as number
    crc =
      (t[0xf00 | (a & 0xff)] as number) ^
      (t[0xe00 | ((a >>> 8) & 0xff)] as number) ^
      (t[0xd00 | ((a >>> 16) & 0xff)] as number) ^
      (t[0xc00 | (a >>> 24)] as number) ^
      (t[0xb00 | (b & 0xff)] as number) ^
      (t[0xa00 | ((b >>> 8) & 0xff)] as number) ^
      (t[0x900 | ((b >>> 16) & 0xff)] as number) ^
      (t[0x800 | (b >>> 24)] as number) ^
      (t[0x700 | (c & 0xff)] as number) ^
      (t[0x600 | ((c >>> 8) & 0xff)] as number) ^
      (t[0x500 | ((c >>> 16) & 0xff)] as number) ^
      (t[0x400 | (c >>> 24)] as number) ^
      (t[0x300 | (d & 0xff)] as number) ^
      (t[0x200 | ((d >>> 8) & 0xff)] as number) ^
      (t[0x100 | ((d >>> 16) & 0xff)] as number) ^
      (t[d >>> 24] as number)
  }
  return ~single(crc, bytes, start + count * 16, to) >>> 0
}

/** Longest piece that is looked for, bytes: more than the largest envelope, or the index of a table. */
const LONGEST = 2 * 1024 * 1024

/** After so many bytes others may have their turn. */
const SEARCHED = 32 * 1024

/**
 * Where in what begins at `from` the checksum, as LevelDB keeps it, of everything before it may stand: of at least a byte. Undefined now and
 * then, so that others may have their turn.
 */
export function* endsOfPieces(bytes: Uint8Array, from: number, end: number): Generator<number | undefined, void> {
  let crc = -1
  for (let at = from; at + 4 < end && at < from + LONGEST; at++) {
    if ((at - from) % SEARCHED === SEARCHED - 1) yield undefined
    crc = (BYTE[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8)
    const stored = masked(~crc >>> 0)
    if ((stored & 0xff) === bytes[at + 1] && stored === little32(bytes, at + 1)) yield at + 1
  }
}

/** Takes in bytes one by one. */
function single(crc: number, bytes: Uint8Array, from: number, to: number): number {
  let next = crc
  for (let at = from; at < to; at++) next = (BYTE[(next ^ (bytes[at] as number)) & 0xff] as number) ^ (next >>> 8)
  return next
}

/** What a difference of two checksums becomes when one more byte, the same for both, is taken in. */
export const carried = (difference: number): number => ((BYTE[difference & 0xff] as number) ^ (difference >>> 8)) >>> 0

/** By what the checksums of two strings differ whose last bytes differ by `bits`. */
export const differenceBy = (bits: number): number => (BYTE[bits] as number) >>> 0

/** LevelDB keeps no checksum as it is, since it may be taken of what holds checksums (util/crc32c.h). */
export const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0

export function unmasked(stored: number): number {
  const rotated = (stored - 0xa282_ead8) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}

function makeTables(polynomial: number): Int32Array {
  const tables = new Int32Array(16 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    tables[byte] = crc
  }
  for (let i = 256; i < tables.length; i++) {
    const crc = tables[i - 256] as number
    tables[i] = (tables[crc & 0xff] as number) ^ (crc >>> 8)
  }
  return tables
}
