import { type Flip, flippedBit, isSound, type Piece, turn } from './checked-piece.js'
import { INTERNAL, isInternal, type KeyRange, userKey } from './key-range.js'
import {
  type BlockEntry,
  type BlockHandle,
  blockEntries,
  decodeHandle,
  encodeBlock,
  endOf,
  firstEntries,
  looseEntries,
  pieceOf
} from './table-block.js'
import {
  blocksOf,
  contents,
  dataBlocks,
  endOfBlocks,
  FOOTER,
  type Footer,
  putBlock,
  putFooter,
  readFooter,
  remakeEnd
} from './table-end.js'

/** Bytes of a table looked at in one step, about: well below a millisecond. */
export const STEP_BYTES = 128 * 1024

/** What is wrong with a table. */
export interface TableDamage {
  /** Parts of it whose checksums are wrong, of those that were looked at. */
  pieces: number
  /** What lies there. */
  ranges: KeyRange[]
  /** Bits that put right what they can. */
  flips: Flip[]
  /** From where on its end was made anew. */
  remade?: number
  /** Blocks that they do not put right; undefined when it is all that lies behind `front`. */
  lost?: { data: Set<number>; meta: boolean } | undefined
  /** Where its end cannot be made anew, as in a file that was cut short: the data blocks at its beginning that are sound. */
  front?: BlockHandle[]
}

/**
 * Looks at all checksums of a table: they cover every byte of it. Undefined when it is sound. Puts the bits right in `file`. Yields
 * between its steps, so that others may have their turn.
 */
export function* checkTable(file: Uint8Array): Generator<void, TableDamage | undefined> {
  const damage: TableDamage = { pieces: 0, ranges: [], flips: [], lost: { data: new Set(), meta: false } }
  const sound = (piece: Piece): boolean => {
    if (piece.crcAt + 4 <= file.length && isSound(file, piece)) return true
    damage.pieces++
    const flip = piece.crcAt + 4 <= file.length ? flippedBit(file, piece) : undefined
    if (flip === undefined) return false
    damage.flips.push(flip)
    turn(file, flip)
    return true
  }
  let footer = readFooter(file) ?? mendFooter(file, damage)
  if (footer === undefined || !sound(pieceOf(footer.index))) {
    if (footer === undefined) damage.pieces++
    yield
    const blocks = yield* blocksOf(file)
    footer = remakeEnd(file, blocks)
    if (footer === undefined) {
      const front = dataBlocks(file, blocks)
      return { ...damage, ranges: [{ from: lastKey(file, front) }], lost: undefined, front }
    }
    damage.remade = footer.index.offset
  }
  yield
  if (!metaOf(file, footer, sound)) damage.lost = { data: new Set(), meta: true }
  yield
  // LevelDB's filter and index are asked about all of it
  if (damage.pieces > 0) damage.ranges.push(wholeOf(file, footer))
  let before: BlockEntry | undefined
  let looked = endOf(footer.index) - footer.index.offset
  // one after the other: all of them are a thousand, which take longer than the blocks of many steps
  for (const entry of blockEntries(contents(file, footer.index))) {
    const pieces = damage.pieces
    const { handle } = decodeHandle(entry.value)
    looked += handle.size
    if (looked >= STEP_BYTES) {
      yield
      looked = 0
    }
    if (!sound(pieceOf(handle))) damage.lost?.data.add(handle.offset)
    if (damage.pieces > pieces) damage.ranges.push({ from: userKey(before?.key), until: userKey(entry.key) })
    before = entry
  }
  return damage.pieces === 0 ? undefined : damage
}

/** What can be read in data blocks that are lost, by the keys that LevelDB was given: it need not be what was written. */
export function looselyRead(file: Uint8Array, { data }: { data: Set<number> }): BlockEntry[] {
  const footer = readFooter(file) as Footer
  const handles = indexOf(file, footer).map(({ value }) => decodeHandle(value).handle)
  return handles
    .filter(({ offset }) => data.has(offset))
    .flatMap(handle => [...looseEntries(contents(file, handle))])
    .filter(({ key }) => key.length > INTERNAL)
    .map(({ key, value }) => ({ key: userKey(key), value: value.slice() }))
}

/** The same of what lies behind the front of one: as far as entries follow each other, in the block of which only the beginning is there. */
export function looselyBehind(file: Uint8Array, front: readonly BlockHandle[]): BlockEntry[] {
  const entries: BlockEntry[] = []
  for (const { key, value } of firstEntries(file.subarray(endOfBlocks(front)))) {
    if (!isInternal(key)) break
    entries.push({ key: userKey(key), value: value.slice() })
  }
  return entries
}

/** A table whose bits were put right, without the blocks that are lost: as long as it was, since the manifest says how long it is. */
export function withoutLost(file: Uint8Array, { data, meta }: { data: Set<number>; meta: boolean }): Uint8Array {
  const footer = readFooter(file) as Footer
  const kept = indexOf(file, footer).filter(({ value }) => !data.has(decodeHandle(value).handle.offset))
  const rest = Uint8Array.from(file)
  const index = putBlock(rest, footer.index.offset, encodeBlock(kept))
  const metaindex = meta ? putBlock(rest, footer.meta.offset, encodeBlock([])) : footer.meta
  putFooter(rest, { meta: metaindex, index })
  return rest
}

/** It has no checksum: turns the bit with which it names two blocks that are sound. */
function mendFooter(file: Uint8Array, damage: TableDamage): Footer | undefined {
  for (let at = Math.max(0, file.length - FOOTER); at < file.length; at++)
    for (let bit = 1; bit < 0x100; bit <<= 1) {
      turn(file, { at, bit })
      const footer = readFooter(file)
      if (footer !== undefined && isSound(file, pieceOf(footer.index)) && isSound(file, pieceOf(footer.meta))) {
        damage.pieces++
        damage.flips.push({ at, bit })
        return footer
      }
      turn(file, { at, bit })
    }
  return undefined
}

/** Whether the metaindex and what it names, LevelDB's filters, are sound. */
function metaOf(file: Uint8Array, { meta }: Footer, sound: (piece: Piece) => boolean): boolean {
  if (!sound(pieceOf(meta))) return false
  const filters = [...blockEntries(contents(file, meta))].map(({ value }) => decodeHandle(value).handle)
  return filters.every(handle => sound(pieceOf(handle)))
}

const indexOf = (file: Uint8Array, { index }: Footer): BlockEntry[] => [...blockEntries(contents(file, index))]

/** Of the front of a table; before everything when there is none. */
function lastKey(file: Uint8Array, front: readonly BlockHandle[]): Uint8Array {
  const last = front.at(-1)
  const entries = last === undefined ? [] : [...blockEntries(contents(file, last))]
  return userKey(entries.at(-1)?.key)
}

/** Keys of a table. */
function wholeOf(file: Uint8Array, footer: Footer): KeyRange {
  const entries = indexOf(file, footer)
  return { from: firstKey(file, entries[0]), until: userKey(entries.at(-1)?.key) }
}

/** Of a table, by its first block as far as that can be read. */
function firstKey(file: Uint8Array, entry: BlockEntry | undefined): Uint8Array {
  if (entry === undefined) return new Uint8Array(0)
  const { handle } = decodeHandle(entry.value)
  if (!isSound(file, pieceOf(handle))) return new Uint8Array(0)
  const [first] = blockEntries(contents(file, handle))
  return userKey(first?.key)
}
