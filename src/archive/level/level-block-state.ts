import { crc32 } from 'node:zlib'
import { joinBytes, readUint32, writeUint32 } from '../../wire/bytes.js'

/** How many blocks are finished, and their size, with a checksum: by another size each number would mean another place. */
export function writeBlockState(finished: number, size: number): Uint8Array {
  const state = joinBytes([writeUint32(finished), writeUint32(size)])
  return joinBytes([state, writeUint32(crc32(state))])
}

/** Undefined when it is damaged; older versions wrote no checksum. */
export function readBlockState(value: Uint8Array): { finished: number; size: number } | undefined {
  if (value.length !== 8 && value.length !== 12) return undefined
  if (value.length === 12 && readUint32(value, 8) !== crc32(value.subarray(0, 8))) return undefined
  return { finished: readUint32(value, 0), size: readUint32(value, 4) }
}
