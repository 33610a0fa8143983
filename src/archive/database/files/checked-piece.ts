import { carried, crc32c, differenceBy, masked, unmasked } from './crc32c.js'
import { little32, putLittle32 } from './little.js'

/** A part of a file that has a checksum. */
export interface Piece {
  /** What it is of: from `from` to before `to`. */
  from: number
  to: number
  /** Where it is: masked, 4 bytes, little-endian. */
  crcAt: number
}

/** A bit of a file that has to be turned. */
export interface Flip {
  at: number
  /** 1, 2, 4, …, 128 */
  bit: number
}

export const isSound = (file: Uint8Array, { from, to, crcAt }: Piece): boolean =>
  little32(file, crcAt) === masked(crc32c(file, from, to))

/**
 * The one bit whose turning makes a piece sound that is not. That of a piece in which several bits are wrong is found with a chance of
 * its bits to 2^32: no two single bits change a CRC-32C alike in less than 2^31 bits.
 */
export function flippedBit(file: Uint8Array, { from, to, crcAt }: Piece): Flip | undefined {
  const actual = crc32c(file, from, to)
  const stored = little32(file, crcAt)
  const wrong = (stored ^ masked(actual)) >>> 0
  if ((wrong & (wrong - 1)) === 0) {
    const place = 31 - Math.clz32(wrong)
    return { at: crcAt + (place >>> 3), bit: 1 << (place & 7) }
  }
  const difference = (actual ^ unmasked(stored)) >>> 0
  const byBit = Array.from({ length: 8 }, (_, bit) => differenceBy(1 << bit))
  for (let at = to - 1; at >= from; at--)
    for (let bit = 0; bit < 8; bit++) {
      const by = byBit[bit] as number
      if (by === difference) return { at, bit: 1 << bit }
      byBit[bit] = carried(by)
    }
  return undefined
}

export function turn(file: Uint8Array, { at, bit }: Flip): void {
  file[at] = (file[at] as number) ^ bit
}

/** Writes the checksum of a piece. */
export function seal(file: Uint8Array, { from, to, crcAt }: Piece): void {
  putLittle32(file, crcAt, masked(crc32c(file, from, to)))
}
