import { readUint32 } from '../../wire/bytes.js'
import { ArchiveFormatError } from '../errors.js'

/** LevelDB's binding is slow with arrays so small that their bytes have to be moved before it can see them. */
const POOL_BYTES = 64 * 1024
let pool = new Uint8Array(POOL_BYTES)
let pooled = 0

/** Zeros in memory that is shared with other keys and small values. */
export function small(length: number): Uint8Array {
  if (length > POOL_BYTES) return new Uint8Array(length)
  if (pooled + length > POOL_BYTES) {
    pool = new Uint8Array(POOL_BYTES)
    pooled = 0
  }
  pooled += length
  return pool.subarray(pooled - length, pooled)
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** Integers up to 2^53 - 1 in 8 bytes. */
export function put64(bytes: Uint8Array, at: number, value: number): void {
  put32(bytes, at, Math.floor(value / 2 ** 32))
  put32(bytes, at + 4, value)
}

export function read64(bytes: Uint8Array, at: number): number {
  const value = readUint32(bytes, at) * 2 ** 32 + readUint32(bytes, at + 4)
  if (!Number.isSafeInteger(value)) throw new ArchiveFormatError('a stored number is too large')
  return value
}

/** Whether there is one. */
export const isSafe64 = (bytes: Uint8Array, at: number): boolean =>
  bytes.length >= at + 8 && bytes[at] === 0 && (bytes[at + 1] as number) < 0x20

export function uint32(value: number): Uint8Array {
  const bytes = small(4)
  put32(bytes, 0, value)
  return bytes
}

// A plain view: `Buffer` has other ideas of `slice`.
export const view = (bytes: Uint8Array, at: number, length: number): Uint8Array =>
  new Uint8Array(bytes.buffer, bytes.byteOffset + at, length)
