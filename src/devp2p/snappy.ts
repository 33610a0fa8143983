import { SnappyError } from './errors.js'

/**
 * The snappy block format. What we send is ciphertext, which does not compress, so the encoder writes one literal: a few
 * bytes in front of a body that is never copied. The decoder reads all of the format and trusts nothing in it.
 */

const LITERAL = 0
const COPY_1 = 1
const COPY_2 = 2

/** What goes in front of `length` bytes to make them one snappy block. */
export function literalHeader(length: number): Uint8Array {
  const header: number[] = []
  let rest = length
  for (; rest > 0x7f; rest >>>= 7) header.push((rest & 0x7f) | 0x80)
  header.push(rest)
  if (length > 0) {
    const last = length - 1
    if (last < 60) {
      header.push(last << 2)
    } else {
      const bytes = last < 0x100 ? 1 : last < 0x10000 ? 2 : last < 0x1000000 ? 3 : 4
      header.push((59 + bytes) << 2)
      for (let i = 0; i < bytes; i++) header.push((last >>> (8 * i)) & 0xff)
    }
  }
  return new Uint8Array(header)
}

/**
 * Decompresses a block; the length it declares is checked before anything is allocated. A block that is one literal, as
 * our own are, comes back as a view.
 *
 * @param limit the most bytes that may come out
 * @throws SnappyError
 */
export function decompress(block: Uint8Array, limit: number): Uint8Array {
  return new Inflation(block, limit).more(limit) as Uint8Array
}

/** A block that is decompressed in pieces: 16 MiB of small copies take a tenth of a second. */
export class Inflation {
  readonly #block: Uint8Array
  readonly #length: number
  #from: number
  #to = 0
  #out: Uint8Array | undefined

  /**
   * @param limit the most bytes that may come out
   * @throws SnappyError
   */
  constructor(block: Uint8Array, limit: number) {
    const { length, start } = readLength(block)
    if (length > limit) throw new SnappyError(`a block of ${length} bytes where at most ${limit} are allowed`)
    // Three bytes of a copy tag give at most 64 bytes, so an honest length is bounded by the block's own.
    if (length > 64 * block.length) throw new SnappyError('a block declares more than it can hold')
    this.#block = block
    this.#length = length
    this.#from = start
  }

  /** What there is of it so far, when it has memory of its own. */
  get bytes(): Uint8Array | undefined {
    return this.#out
  }

  /**
   * Decompresses about so many bytes more; all of it once it is whole, undefined until then.
   *
   * @throws SnappyError
   */
  more(bytes: number): Uint8Array | undefined {
    const block = this.#block
    const length = this.#length
    const pause = this.#to + bytes
    let out = this.#out
    let from = this.#from
    let to = this.#to
    while (from < block.length) {
      if (to > pause) {
        this.#out = out
        this.#from = from
        this.#to = to
        return undefined
      }
      const tag = byteAt(block, from++)
      const kind = tag & 3
      if (kind === LITERAL) {
        const literal = literalAt(block, from - 1)
        const { count } = literal
        from = literal.from
        if (count > block.length - from || count > length - to) throw new SnappyError('a literal runs over the end')
        if (count === length && from + count === block.length) return block.subarray(from)
        out ??= new Uint8Array(length)
        out.set(block.subarray(from, from + count), to)
        from += count
        to += count
        continue
      }
      let count: number
      let offset: number
      if (kind === COPY_1) {
        count = 4 + ((tag >>> 2) & 7)
        offset = ((tag >>> 5) << 8) | byteAt(block, from)
        from += 1
      } else {
        const bytes = kind === COPY_2 ? 2 : 4
        count = (tag >>> 2) + 1
        offset = littleEndian(block, from, bytes)
        from += bytes
      }
      if (out === undefined || offset === 0 || offset > to || count > length - to) {
        throw new SnappyError('a copy reaches outside the block')
      }
      if (offset >= count) {
        out.copyWithin(to, to - offset, to - offset + count)
      } else {
        // The source overlaps what is being written: the bytes repeat.
        for (let i = 0; i < count; i++) out[to + i] = out[to - offset + i] as number
      }
      to += count
    }
    if (to !== length) throw new SnappyError('a block is shorter than it declares')
    return out ?? new Uint8Array(0)
  }
}

/**
 * How many bytes a block says will come out of it.
 *
 * @throws SnappyError
 */
export function declaredLength(block: Uint8Array): number {
  return readLength(block).length
}

/**
 * How many bytes inflating a block takes beside it: of one literal none, since what comes out is a view.
 *
 * @throws SnappyError
 */
export function memoryToInflate(block: Uint8Array): number {
  const { length, start } = readLength(block)
  if (length === 0) return 0
  if ((byteAt(block, start) & 3) !== LITERAL) return length
  const { count, from } = literalAt(block, start)
  return count === length && from + count === block.length ? 0 : length
}

/** How long the literal is whose tag stands there, and where it begins. */
function literalAt(block: Uint8Array, at: number): { count: number; from: number } {
  const count = byteAt(block, at) >>> 2
  if (count < 60) return { count: count + 1, from: at + 1 }
  const bytes = count - 59
  return { count: littleEndian(block, at + 1, bytes) + 1, from: at + 1 + bytes }
}

function readLength(block: Uint8Array): { length: number; start: number } {
  let length = 0
  for (let i = 0; i < 5; i++) {
    const byte = byteAt(block, i)
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { length, start: i + 1 }
  }
  throw new SnappyError('the length of a block is malformed')
}

function littleEndian(block: Uint8Array, at: number, bytes: number): number {
  let value = 0
  for (let i = 0; i < bytes; i++) value += byteAt(block, at + i) * 2 ** (8 * i)
  return value
}

function byteAt(block: Uint8Array, at: number): number {
  const byte = block[at]
  if (byte === undefined) throw new SnappyError('a block ends early')
  return byte
}
