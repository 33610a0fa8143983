import { joinBytes } from '../../../wire/bytes.js'
import { seal } from './checked-piece.js'
import { endsOfPieces } from './crc32c.js'
import { INTERNAL, isInternal, userKey } from './key-range.js'
import {
  type BlockEntry,
  type BlockHandle,
  blockEntries,
  decodeHandle,
  encodeBlock,
  encodeHandle,
  endOf,
  pieceOf,
  TRAILER
} from './table-block.js'

/** Handles of the metaindex and the index, zeros up to 40 bytes, and a magic number (LevelDB's doc/table_format.md). */
export const FOOTER = 48
const HANDLES = 40
const MAGIC = Uint8Array.of(0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb)
/** Bytes in which blocks are looked for in one step, about. */
const SEARCHED = 32 * 1024
/** The type of a block that is not compressed. */
const AS_IT_IS = 0
/** The highest sequence number, of a value: what LevelDB puts behind a key that it made up. */
const MADE_UP = Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)

export interface Footer {
  meta: BlockHandle
  index: BlockHandle
}

export function readFooter(file: Uint8Array): Footer | undefined {
  const at = file.length - FOOTER
  if (at < 0 || MAGIC.some((byte, i) => file[at + HANDLES + i] !== byte)) return undefined
  const { handle: meta, end } = decodeHandle(file, at)
  const { handle: index, end: padding } = decodeHandle(file, end)
  const known = endOf(meta) <= at && endOf(index) <= at && padding <= at + HANDLES
  return known && file.subarray(padding, at + HANDLES).every(byte => byte === 0) ? { meta, index } : undefined
}

export function putFooter(file: Uint8Array, { meta, index }: Footer): void {
  const handles = joinBytes([encodeHandle(meta), encodeHandle(index)])
  file.set(joinBytes([handles, new Uint8Array(HANDLES - handles.length), MAGIC]), file.length - FOOTER)
}

export function putBlock(file: Uint8Array, offset: number, block: Uint8Array): BlockHandle {
  const handle = { offset, size: block.length }
  file.set(block, offset)
  file[offset + block.length] = 0
  seal(file, pieceOf(handle))
  return handle
}

export const contents = (file: Uint8Array, { offset, size }: BlockHandle): Uint8Array =>
  file.subarray(offset, offset + size)

/**
 * Makes index and footer of a table anew in `file`, of its blocks, which lie there one behind the other.
 * Undefined, with nothing changed, where one before them is damaged, too.
 */
export function remakeEnd(file: Uint8Array, blocks: readonly BlockHandle[]): Footer | undefined {
  const end = file.length - FOOTER
  const last = blocks.at(-1)
  if (last === undefined) return undefined
  const isWhole = endOf(last) === end
  const meta = isWhole ? blocks.at(-2) : last
  const before = meta && withoutFilters(file, blocks.slice(0, blocks.indexOf(meta)), meta)
  if (meta === undefined || before === undefined) return undefined
  let index = last
  if (!isWhole) {
    const made = encodeBlock(indexEntries(file, before))
    if (endOf({ offset: endOf(last), size: made.length }) > end) return undefined
    index = putBlock(file, endOf(last), made)
  }
  const footer = { meta, index }
  putFooter(file, footer)
  return footer
}

/** Those of the blocks at the front that hold what was stored: filters, metaindex and index come behind them. */
export function dataBlocks(file: Uint8Array, blocks: readonly BlockHandle[]): BlockHandle[] {
  const others = blocks.findIndex(block => {
    const [first] = blockEntries(contents(file, block))
    return first === undefined || !isInternal(first.key)
  })
  return others < 0 ? [...blocks] : blocks.slice(0, others)
}

/** A table of some data blocks that lie one behind the other from its beginning: as long as it was, or as it has to be. */
export function tableOf(file: Uint8Array, blocks: readonly BlockHandle[]): Uint8Array {
  const end = endOfBlocks(blocks)
  const index = encodeBlock(indexEntries(file, blocks))
  const meta = encodeBlock([])
  const table = new Uint8Array(Math.max(file.length, end + index.length + meta.length + 2 * TRAILER + FOOTER))
  table.set(file.subarray(0, end))
  const footer = { index: putBlock(table, end, index), meta: { offset: 0, size: 0 } }
  footer.meta = putBlock(table, endOf(footer.index), meta)
  putFooter(table, footer)
  return table
}

/** Where the last of blocks ends that lie one behind the other. */
export function endOfBlocks(blocks: readonly BlockHandle[]): number {
  const last = blocks.at(-1)
  return last === undefined ? 0 : endOf(last)
}

/** The blocks of a table in order, as far as each begins where the one before it ends: found by their checksums. Yields as `checkTable` does. */
export function* blocksOf(file: Uint8Array): Generator<void, BlockHandle[]> {
  const end = file.length - FOOTER
  const blocks: BlockHandle[] = []
  for (let offset = 0, looked = 0; offset < end; ) {
    const crcAt = yield* firstEnd(file, offset, end)
    if (crcAt === undefined) break
    blocks.push({ offset, size: crcAt - 1 - offset })
    offset = crcAt - 1 + TRAILER
    if (offset - looked < SEARCHED) continue
    looked = offset
    yield
  }
  return blocks
}

/** Where the checksum of the block stands that begins at `offset`; undefined when none does. */
function* firstEnd(file: Uint8Array, offset: number, end: number): Generator<void, number | undefined> {
  for (const crcAt of endsOfPieces(file, offset, end))
    if (crcAt === undefined) yield
    else if (file[crcAt - 1] === AS_IT_IS) return crcAt
  return undefined
}

/** The data blocks among those before the metaindex; undefined when it cannot be that. */
function withoutFilters(file: Uint8Array, blocks: BlockHandle[], meta: BlockHandle): BlockHandle[] | undefined {
  const named = [...blockEntries(contents(file, meta))].map(({ value }) => decodeHandle(value).handle)
  const filters = named.map(({ offset, size }) =>
    blocks.findIndex(other => other.offset === offset && other.size === size)
  )
  if (filters.includes(-1)) return undefined
  return blocks.slice(0, Math.min(blocks.length, ...filters))
}

function indexEntries(file: Uint8Array, blocks: readonly BlockHandle[]): BlockEntry[] {
  const keys = blocks.map(block => [...blockEntries(contents(file, block))].map(({ key }) => key))
  return blocks.map((handle, i) => ({
    key: separator(keys[i]?.at(-1) ?? new Uint8Array(0), keys[i + 1]?.[0]),
    value: encodeHandle(handle)
  }))
}

/** A key as short as possible from one on and before the next, as LevelDB makes it: what was there fits where it was. */
function separator(last: Uint8Array, next: Uint8Array | undefined): Uint8Array {
  const key = userKey(last)
  const limit = next && userKey(next)
  const at = limit ? key.findIndex((byte, i) => byte !== limit[i]) : key.findIndex(byte => byte !== 0xff)
  const [byte, bound] = [key[at], limit ? limit[at] : 0x100]
  if (byte === undefined || bound === undefined || byte === 0xff || byte + 1 >= bound) return last
  if (at + 1 >= last.length - INTERNAL) return last
  return joinBytes([key.subarray(0, at), Uint8Array.of(byte + 1), MADE_UP])
}
