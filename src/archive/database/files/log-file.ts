import { type Flip, flippedBit, isSound, turn } from './checked-piece.js'

/** Records lie in blocks of this size: checksum(4) length(2) type(1) data, the checksum of type and data (LevelDB's doc/log_format.md). */
export const BLOCK = 32_768
export const HEADER = 7

/** What is wrong with a log or a manifest. */
export interface LogDamage {
  /** Bits that put right what they can. */
  flips: Flip[]
  /** Places where LevelDB drops the rest of a block. Not counted is an end that was not written whole. */
  lost: number
}

/** Looks at all checksums of a log or a manifest. Undefined when it is sound. Puts the bits right in `file`. */
export function checkLog(file: Uint8Array): LogDamage | undefined {
  const damage: LogDamage = { flips: [], lost: 0 }
  for (let at = 0; at + HEADER <= file.length; ) {
    const blockEnd = (Math.floor(at / BLOCK) + 1) * BLOCK
    const end = blockEnd - at < HEADER ? blockEnd : recordEnd(file, at, blockEnd, damage.flips)
    if (end !== undefined) at = end
    else {
      if (!isTorn(file, at, blockEnd)) damage.lost++
      at = blockEnd
    }
  }
  return damage.lost === 0 && damage.flips.length === 0 ? undefined : damage
}

/** Undefined when the record is not sound, and cannot be put right. */
function recordEnd(file: Uint8Array, at: number, blockEnd: number, flips: Flip[]): number | undefined {
  const limit = Math.min(blockEnd, file.length)
  const endWith = (): number => at + HEADER + ((file[at + 4] as number) | ((file[at + 5] as number) << 8))
  const piece = { from: at + 6, to: endWith(), crcAt: at }
  // what was never written is zeros, with a checksum of 0
  if (piece.to <= limit && (file[at + 6] as number) !== 0 && isSound(file, piece)) return piece.to
  for (let bit = 0; bit < 16; bit++) {
    const flip = { at: at + 4 + (bit >>> 3), bit: 1 << (bit & 7) }
    turn(file, flip)
    const to = endWith()
    if (to <= limit && isSound(file, { ...piece, to })) {
      flips.push(flip)
      return to
    }
    turn(file, flip)
  }
  const flip = piece.to <= limit ? flippedBit(file, piece) : undefined
  if (flip === undefined) return undefined
  turn(file, flip)
  flips.push(flip)
  return piece.to
}

/** The end of what was written when the process, or the machine, came to its own. */
export function isTorn(file: Uint8Array, at: number, blockEnd: number): boolean {
  if (file.length > blockEnd) return false
  const end = at + HEADER + ((file[at + 4] as number) | ((file[at + 5] as number) << 8))
  return end > file.length || file.subarray(at).every(byte => byte === 0)
}
