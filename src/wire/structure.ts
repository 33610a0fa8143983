import { MalformedError } from './errors.js'
import { decodeNested, encodeNested, type Nested } from './nested-rlp.js'
import { ItemReader, MAX_ITEMS, type RlpItem, uintBytes } from './rlp.js'

/**
 * RLP of what is small and structured: Status, requests, completions, confirmations, Hello. `@ethereumjs/rlp` reads and writes it (in a
 * page `nested-rlp.browser.ts` does), into values of its own that keep no packet in memory. The library has no bounds: it copies a
 * list once for each level that it is nested, and makes an array of whatever number of items. So what a peer sent is measured first,
 * by the reader in place of `rlp.ts`, which also has what no library does: envelopes and packets of many of them are never copied.
 */
export type Structure = Nested

/** Nothing that is understood is half as deep. */
const MAX_DEPTH = 32
/** In all levels together: a Message Response may refuse `MAX_ITEMS` envelopes, by four items each. */
const MAX_PARTS = 5 * MAX_ITEMS

/** An item of a structure. */
class Part implements RlpItem {
  constructor(readonly structure: Structure) {}

  get isList(): boolean {
    return Array.isArray(this.structure)
  }

  get empty(): boolean {
    return this.structure.length === 0
  }

  get raw(): Uint8Array {
    return encodeNested(this.structure)
  }

  get payload(): Uint8Array {
    if (this.structure instanceof Uint8Array) return this.structure
    const { raw } = this
    const reader = new ItemReader(raw, 0, raw.length)
    reader.next()
    return reader.item().payload
  }
}

/** An integer as the string that stands for it: big-endian, without leading zeros, 0 is empty. Throws `UnencodableError`. */
export const uint: (value: number | bigint) => Uint8Array = uintBytes

/** What stands for nothing. */
export const NOTHING: Uint8Array = new Uint8Array(0)

export function encodeStructure(structure: Structure): Uint8Array {
  return encodeNested(structure)
}

/** The structure that an item is. */
export function structureOf(item: RlpItem): Structure {
  return (item instanceof Part ? item : (decodeItem(item.raw) as Part)).structure
}

/** A structure as an item: as if it had been read. */
export function itemOf(structure: Structure): RlpItem {
  return new Part(structure)
}

/**
 * Reads one item that covers all of `bytes`, with all that is in it, in canonical form.
 * @throws MalformedError also when it is nested deeper than 32 levels, or of more than 81920 items
 */
export function decodeItem(bytes: Uint8Array): RlpItem {
  measure(bytes)
  try {
    // a Buffer's slice() is a view, and would keep the packet
    return new Part(decodeNested(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)))
  } catch (cause) {
    throw new MalformedError('it is no canonical RLP', { cause })
  }
}

function measure(bytes: Uint8Array): void {
  const whole = new ItemReader(bytes, 0, bytes.length)
  whole.next()
  if (!whole.done) throw new MalformedError('bytes follow the item')
  if (!whole.isList) return
  let parts = 0
  const walk = (at: number, limit: number, depth: number): void => {
    if (depth > MAX_DEPTH) throw new MalformedError(`lists are nested deeper than ${MAX_DEPTH}`)
    for (const reader = new ItemReader(bytes, at, limit); !reader.done; ) {
      reader.next()
      if (++parts > MAX_PARTS) throw new MalformedError(`it holds more than ${MAX_PARTS} items`)
      if (reader.isList) walk(reader.body, reader.end, depth + 1)
    }
  }
  walk(whole.body, whole.end, 1)
}

/**
 * The items of a list, one level deep.
 * @param options.max how many it may hold, by default 16384
 * @throws MalformedError also when `item` is a string, or there are more than `max`
 */
export function children(item: RlpItem, options: { max?: number | undefined } = {}): RlpItem[] {
  const structure = structureOf(item)
  if (structure instanceof Uint8Array) throw new MalformedError('a list was expected')
  const max = options.max ?? MAX_ITEMS
  if (structure.length > max) throw new MalformedError(`a list holds more than ${max} items`)
  return structure.map(itemOf)
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
 * The first `count` items of a list; further ones are ignored.
 * @throws MalformedError
 */
export function leading<Count extends keyof Leading>(item: RlpItem, count: Count): Leading[Count] {
  const items = children(item, { max: MAX_PARTS }).slice(0, count)
  if (items.length < count) throw new MalformedError(`a list of at least ${count} items was expected`)
  return items as Leading[Count]
}
