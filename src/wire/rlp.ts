import { concatBytes, joinBytes } from './bytes.js'
import { MalformedError, UnencodableError } from './errors.js'

/**
 * Our own reader, for what is read in place: envelopes and packets of many of them, which are judged, hashed, stored and sent as the
 * bytes that came. `@ethereumjs/rlp` copies every item; what is small enough for that is read by `structure.ts`.
 */

/** One RLP item seen in place: nothing is copied, and what lies inside a list is not looked at until asked for. */
export interface RlpItem {
  readonly isList: boolean
  /** The item with its header. */
  readonly raw: Uint8Array
  /** The string itself, or what the list holds. */
  readonly payload: Uint8Array
  /** Whether it is the empty string or the empty list. */
  readonly empty: boolean
}

/** How many items a list may hold where the reader does not say otherwise: an array of them must stay small. */
export const MAX_ITEMS = 16_384

export const EMPTY_STRING: Uint8Array = Uint8Array.of(0x80)
export const EMPTY_LIST: Uint8Array = Uint8Array.of(0xc0)

class View implements RlpItem {
  constructor(
    readonly isList: boolean,
    private readonly bytes: Uint8Array,
    private readonly start: number,
    private readonly body: number,
    /** Offset of the first byte after the item. */
    readonly end: number
  ) {}

  get raw(): Uint8Array {
    return this.bytes.subarray(this.start, this.end)
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.body, this.end)
  }

  get empty(): boolean {
    return this.body === this.end
  }
}

/**
 * Goes through the items that lie behind each other in `bytes`, reading headers only. It makes no object for an item: for
 * readers of many small ones.
 */
export class ItemReader {
  isList = false
  /** Where the item begins, where what it holds begins, and where both end. */
  start = 0
  body = 0
  end: number

  /** @param limit where the last item must end */
  constructor(
    readonly bytes: Uint8Array,
    at: number,
    readonly limit: number
  ) {
    this.end = at
  }

  /** Whether the last item ended at the limit. */
  get done(): boolean {
    return this.end === this.limit
  }

  /**
   * Reads the next header; a claimed length is believed only when the bytes up to `limit` are there.
   *
   * @throws MalformedError
   */
  next(): void {
    const { bytes, limit } = this
    const start = this.end
    if (start >= limit) throw new MalformedError('an item is missing')
    const first = bytes[start] as number
    this.start = start
    this.isList = first >= 0xc0
    if (first < 0x80) {
      this.body = start
      this.end = start + 1
      return
    }
    const short = first - (this.isList ? 0xc0 : 0x80)
    let body = start + 1
    let length = short
    if (short > 55) {
      const width = short - 55
      if (body + width > limit) throw new MalformedError('an item is cut short')
      if (bytes[body] === 0) throw new MalformedError('a length has a leading zero')
      length = 0
      for (let i = 0; i < width; i++) length = length * 256 + (bytes[body + i] as number)
      if (length < 56) throw new MalformedError('a short length is written in the long form')
      body += width
    }
    if (length > limit - body) throw new MalformedError('an item is cut short')
    if (short === 1 && !this.isList && (bytes[body] as number) < 0x80) {
      throw new MalformedError('a single byte is written with a header')
    }
    this.body = body
    this.end = body + length
  }

  /** The item that was read, seen in place. */
  item(): RlpItem {
    return new View(this.isList, this.bytes, this.start, this.body, this.end)
  }
}

/**
 * Reads one item that covers all of `bytes`, in canonical form. Only its own header is checked.
 * @throws MalformedError
 */
export function decodeItem(bytes: Uint8Array): RlpItem {
  const reader = new ItemReader(bytes, 0, bytes.length)
  reader.next()
  if (!reader.done) throw new MalformedError('bytes follow the item')
  return reader.item()
}

/**
 * The items of a list, one level deep.
 * @param options.max how many it may hold, by default 16384
 * @throws MalformedError also when `item` is a string, or there are more than `max`
 */
export function children(item: RlpItem, options: { max?: number | undefined } = {}): RlpItem[] {
  if (!item.isList) throw new MalformedError('a list was expected')
  const max = options.max ?? MAX_ITEMS
  const bytes = item.payload
  const items: RlpItem[] = []
  for (const reader = new ItemReader(bytes, 0, bytes.length); !reader.done; ) {
    if (items.length === max) throw new MalformedError(`a list holds more than ${max} items`)
    reader.next()
    items.push(reader.item())
  }
  return items
}

/**
 * The items of the one list that `bytes` are.
 * @throws MalformedError
 */
export function decodeList(bytes: Uint8Array, options: { max?: number | undefined } = {}): RlpItem[] {
  return children(decodeItem(bytes), options)
}

interface Leading {
  1: [RlpItem]
  2: [RlpItem, RlpItem]
  3: [RlpItem, RlpItem, RlpItem]
}

/**
 * The first `count` items of the one list that `bytes` are; further ones only have to be there in whole.
 * @throws MalformedError
 */
export function firstItems<Count extends keyof Leading>(bytes: Uint8Array, count: Count): Leading[Count] {
  const list = decodeItem(bytes)
  if (!list.isList) throw new MalformedError('a list was expected')
  const payload = list.payload
  const items: RlpItem[] = []
  for (const reader = new ItemReader(payload, 0, payload.length); !reader.done; ) {
    reader.next()
    if (items.length < count) items.push(reader.item())
  }
  if (items.length < count) throw new MalformedError(`a list of at least ${count} items was expected`)
  return items as Leading[Count]
}

function integerBytes(item: RlpItem, width: number): Uint8Array {
  if (item.isList) throw new MalformedError('an integer was expected')
  const bytes = item.payload
  if (bytes[0] === 0) throw new MalformedError('an integer has a leading zero')
  if (bytes.length > width) throw new MalformedError(`an integer is longer than ${width} bytes`)
  return bytes
}

/**
 * A canonical integer: big-endian, no leading zero, zero is the empty string.
 * @param options.max largest value allowed, at most 2^48-1
 * @throws MalformedError
 */
export function decodeUint(item: RlpItem, options: { max: number }): number {
  let value = 0
  for (const byte of integerBytes(item, 6)) value = value * 256 + byte
  if (value > options.max) throw new MalformedError(`an integer is larger than ${options.max}`)
  return value
}

/**
 * A canonical integer of at most `bytes` bytes.
 * @throws MalformedError
 */
export function decodeBigUint(item: RlpItem, options: { bytes: number }): bigint {
  let value = 0n
  for (const byte of integerBytes(item, options.bytes)) value = (value << 8n) | BigInt(byte)
  return value
}

function header(length: number, offset: number): Uint8Array {
  const bytes = new Uint8Array(headerLength(length))
  const width = bytes.length - 1
  bytes[0] = width === 0 ? offset + length : offset + 55 + width
  for (let at = width, rest = length; at > 0; at--, rest = Math.floor(rest / 256)) bytes[at] = rest % 256
  return bytes
}

/** Bytes of the header of a list, or of a string of several bytes, with so long a payload. */
export function headerLength(payloadLength: number): number {
  if (payloadLength < 56) return 1
  let length = 1
  for (let rest = payloadLength; rest > 0; rest = Math.floor(rest / 256)) length++
  return length
}

/** The header of a list whose items take `payloadLength` bytes. */
export function listHeader(payloadLength: number): Uint8Array {
  return header(payloadLength, 0xc0)
}

export function encodeString(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 1 && (bytes[0] as number) < 0x80) return bytes.slice()
  return concatBytes(header(bytes.length, 0x80), bytes)
}

/**
 * An integer in its shortest form; zero is `80`.
 * @throws UnencodableError when it is negative or no safe integer
 */
export function encodeUint(value: number | bigint): Uint8Array {
  return encodeString(uintBytes(value))
}

/** The string that stands for an integer. Throws as `encodeUint` does. */
export function uintBytes(value: number | bigint): Uint8Array {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new UnencodableError(`${value} is no integer`)
  if (value < 0) throw new UnencodableError(`${value} is negative`)
  const bytes: number[] = []
  for (let rest = BigInt(value); rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn))
  return Uint8Array.from(bytes)
}

/** A list of items that are encoded already. */
export function encodeList(items: readonly Uint8Array[]): Uint8Array {
  return joinBytes(listParts(items))
}

/** The same in pieces that are one behind the other: its header, then the items. */
export function listParts(items: readonly Uint8Array[]): Uint8Array[] {
  let length = 0
  for (const item of items) length += item.length
  return [listHeader(length), ...items]
}
