import type { Piece } from './checked-piece.js'
import { little32, putLittle32 } from './little.js'

/** Where a block is in its table; its type (1) and its checksum (4) follow. */
export interface BlockHandle {
  offset: number
  size: number
}

export interface BlockEntry {
  key: Uint8Array
  value: Uint8Array
}

/** type(1) checksum(4) */
export const TRAILER = 5

export const pieceOf = ({ offset, size }: BlockHandle): Piece => ({
  from: offset,
  to: offset + size + 1,
  crcAt: offset + size + 1
})

export const endOf = ({ offset, size }: BlockHandle): number => offset + size + TRAILER

/** What can be read of a block that is not sound: it need not be what was written. From each restart on, as far as that goes. */
export function* looseEntries(block: Uint8Array): Generator<BlockEntry, void> {
  const count = block.length < 4 ? 0 : little32(block, block.length - 4)
  const end = block.length - 4 * (count + 1)
  if (end < 0) return
  const restarts = Array.from({ length: count }, (_, i) => little32(block, end + 4 * i)).filter(at => at < end)
  for (const [i, from] of restarts.entries())
    yield* entriesBetween(block, from, Math.min(end, Math.max(from, restarts[i + 1] ?? end)))
}

/** What can be read of the beginning of a block whose end is not known. */
export const firstEntries = (bytes: Uint8Array): Iterable<BlockEntry> => entriesBetween(bytes, 0, bytes.length)

/** Entries of a block that is sound: shared(varint) rest(varint) value size(varint) rest value, then the restarts and their number. */
export function* blockEntries(block: Uint8Array): Generator<BlockEntry, void> {
  if (block.length < 4) return
  yield* entriesBetween(block, 0, block.length - 4 * (little32(block, block.length - 4) + 1))
}

function* entriesBetween(block: Uint8Array, from: number, end: number): Generator<BlockEntry, void> {
  let before: Uint8Array = new Uint8Array(0)
  for (let at = from; at < end; ) {
    const [shared, restAt] = varint(block, at)
    const [rest, sizeAt] = varint(block, restAt)
    const [size, keyAt] = varint(block, sizeAt)
    at = keyAt + rest + size
    // NaN is neither
    if (!(at <= end && shared <= before.length)) return
    const key = new Uint8Array(shared + rest)
    key.set(before.subarray(0, shared))
    key.set(block.subarray(keyAt, keyAt + rest), shared)
    yield { key, value: block.subarray(keyAt + rest, at) }
    before = key
  }
}

/** The same the other way round, each entry a restart: as LevelDB writes indexes. */
export function encodeBlock(entries: readonly BlockEntry[]): Uint8Array {
  const parts: Uint8Array[] = []
  const restarts: number[] = []
  let length = 0
  for (const { key, value } of entries) {
    restarts.push(length)
    const part = Uint8Array.of(0, ...encodeVarint(key.length), ...encodeVarint(value.length), ...key, ...value)
    parts.push(part)
    length += part.length
  }
  if (restarts.length === 0) restarts.push(0)
  const block = new Uint8Array(length + 4 * (restarts.length + 1))
  let at = 0
  for (const part of parts) {
    block.set(part, at)
    at += part.length
  }
  for (const [i, place] of [...restarts, restarts.length].entries()) putLittle32(block, at + 4 * i, place)
  return block
}

export function decodeHandle(bytes: Uint8Array, at = 0): { handle: BlockHandle; end: number } {
  const [offset, sizeAt] = varint(bytes, at)
  const [size, end] = varint(bytes, sizeAt)
  return { handle: { offset, size }, end }
}

export const encodeHandle = ({ offset, size }: BlockHandle): Uint8Array =>
  Uint8Array.of(...encodeVarint(offset), ...encodeVarint(size))

/** Of at most 49 bits; the place behind it. NaN where there is none. */
function varint(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0
  for (let i = 0; i < 7; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) break
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return [value, at + i + 1]
  }
  return [Number.NaN, Number.NaN]
}

function encodeVarint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
  return bytes
}
