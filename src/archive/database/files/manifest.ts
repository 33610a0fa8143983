import { isSound } from './checked-piece.js'
import { type KeyRange, userKey } from './key-range.js'
import { BLOCK, HEADER, isTorn } from './log-file.js'

/** What an edit of a manifest begins with (LevelDB's db/version_edit.cc). */
const Tag = { comparator: 1, log: 2, next: 3, last: 4, pointer: 5, deleted: 6, added: 7, before: 9 } as const
/** How a record lies in its block: whole, or its first, a middle or its last part. */
const Part = { whole: 1, first: 2, last: 4 } as const

/** A table as the manifest names it, with the keys that it holds. */
export interface LiveTable extends KeyRange {
  /** 0 to 6: tables of level 0 overlap, and all others lie beside each other in theirs. */
  level: number
  /** Bytes of its file. */
  size: number
}

/**
 * The tables that a database is made of by their numbers, as its manifest says; whatever others lie in its folder LevelDB deletes when
 * it opens it. Undefined when the manifest is damaged, or says something unknown.
 */
export function liveTables(manifest: Uint8Array): Map<number, LiveTable> | undefined {
  const tables = new Map<number, LiveTable>()
  const edits = recordsOf(manifest)
  if (edits === undefined || edits.length === 0) return undefined
  try {
    for (const edit of edits) apply(new Reader(edit), tables)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
  return tables
}

/** Records in order, without an end that was not written whole. Undefined when something else is damaged. */
function recordsOf(file: Uint8Array): Uint8Array[] | undefined {
  const records: Uint8Array[] = []
  let parts: Uint8Array[] = []
  for (let at = 0; at + HEADER <= file.length; ) {
    const blockEnd = (Math.floor(at / BLOCK) + 1) * BLOCK
    if (blockEnd - at < HEADER) {
      at = blockEnd
      continue
    }
    const [low = 0, high = 0, part = 0] = file.subarray(at + 4, at + HEADER)
    const to = at + HEADER + (low | (high << 8))
    if (part === 0 || to > Math.min(blockEnd, file.length) || !isSound(file, { from: at + 6, to, crcAt: at })) {
      return isTorn(file, at, blockEnd) ? records : undefined
    }
    if (part === Part.whole || part === Part.first) parts = []
    parts.push(file.subarray(at + HEADER, to))
    if (part === Part.whole || part === Part.last) records.push(Buffer.concat(parts))
    at = to
  }
  return records
}

function apply(edit: Reader, tables: Map<number, LiveTable>): void {
  while (!edit.ended) {
    const tag = edit.number()
    if (tag === Tag.log || tag === Tag.next || tag === Tag.last || tag === Tag.before) edit.number()
    else if (tag === Tag.comparator) edit.bytes()
    else if (tag === Tag.pointer) {
      edit.number()
      edit.bytes()
    } else if (tag === Tag.deleted) {
      edit.number()
      tables.delete(edit.number())
    } else if (tag === Tag.added) {
      const level = edit.number()
      const number = edit.number()
      const size = edit.number()
      tables.set(number, { level, size, from: userKey(edit.bytes()), until: userKey(edit.bytes()) })
    } else throw new RangeError(`an edit of the unknown kind ${tag}`)
  }
}

/** Throws `RangeError` past the end. */
class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** 7 bits in each byte, the lowest first; all but the last have the eighth. */
  number(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined || factor > 2 ** 56) throw new RangeError('a number is not whole')
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }

  bytes(): Uint8Array {
    const length = this.number()
    this.#at += length
    if (this.#at > this.#bytes.length) throw new RangeError('a string is not whole')
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}
