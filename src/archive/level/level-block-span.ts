import { crc32 } from 'node:zlib'
import { readUint32 } from '../../wire/bytes.js'
import { put32, small } from './level-bytes.js'

/** What is known of a finished block beside its postings. */
export interface BlockSpan {
  /** When its newest envelope was sent, and its oldest, Unix seconds. */
  newest: number
  oldest: number
  /** Envelopes of the topic that has most. */
  most: number
}

export function encodeBlockSpan(block: number, { newest, oldest, most }: BlockSpan): Uint8Array {
  const bytes = small(16)
  put32(bytes, 0, newest)
  put32(bytes, 4, oldest)
  put32(bytes, 8, most)
  put32(bytes, 12, crc32(bytes.subarray(0, 12), block))
  return bytes
}

/** Undefined when it is damaged, or was written by an older version. */
export function readBlockSpan(block: number, value: Uint8Array): BlockSpan | undefined {
  if (value.length !== 16 || readUint32(value, 12) !== crc32(value.subarray(0, 12), block)) return undefined
  return { newest: readUint32(value, 0), oldest: readUint32(value, 4), most: readUint32(value, 8) }
}

/** When the newest envelope of a block was sent; undefined when what is written is damaged, and so nothing of it may be thought over. */
export function newestOfBlock(block: number, value: Uint8Array): number | undefined {
  return isOlderBlock(value) ? readUint32(value, 0) : readBlockSpan(block, value)?.newest
}

/** An older version wrote no more than the newest, or no checksum, and not what the block has. */
export const isOlderBlock = (value: Uint8Array): boolean => value.length === 4 || value.length === 12
