/** One table for each of eight bytes that are taken at once: 256 entries each. */
const TABLES = makeTables(0x82f6_3b78)
const BYTE = TABLES.subarray(0, 256)

/** CRC-32C of `bytes` from `from` to before `to`, as LevelDB keeps it of blocks and records. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const t = TABLES
  let crc = 0xffff_ffff
  let at = from
  for (const last = to - 8; at <= last; at += 8) {
    crc ^= int32(bytes, at)
    crc =
      (t[0x700 | (crc & 0xff)] as number) ^
      (t[0x600 | ((crc >>> 8) & 0xff)] as number) ^
      (t[0x500 | ((crc >>> 16) & 0xff)] as number) ^
      (t[0x400 | (crc >>> 24)] as number) ^
      (t[0x300 | (bytes[at + 4] as number)] as number) ^
      (t[0x200 | (bytes[at + 5] as number)] as number) ^
      (t[0x100 | (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number)
  }
  for (; at < to; at++) crc = (BYTE[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

/** What a difference of two checksums becomes when one more byte, the same for both, is taken in. */
export const carried = (difference: number): number => ((BYTE[difference & 0xff] as number) ^ (difference >>> 8)) >>> 0

/** By what the checksums of two strings differ whose last bytes differ by `bits`. */
export const differenceBy = (bits: number): number => BYTE[bits] as number

/** LevelDB keeps no checksum as it is, since it may be taken of what holds checksums (util/crc32c.h). */
export const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0

export function unmasked(stored: number): number {
  const rotated = (stored - 0xa282_ead8) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}

function makeTables(polynomial: number): Uint32Array {
  const tables = new Uint32Array(8 * 256)
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

const int32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) |
  ((bytes[at + 1] as number) << 8) |
  ((bytes[at + 2] as number) << 16) |
  ((bytes[at + 3] as number) << 24)
