import { fromHex, toHex } from '../../wire/bytes.js'
import { comparePositions, type Position } from '../position.js'

/** One stored envelope, as its key tells. */
export interface IndexEntry extends Position {
  /** Ingest sequence number. */
  seq: number
  /** The topic as an integer of 32 bits, big-endian. */
  topic: number
  /** Bytes of the envelope. */
  size: number
}

const NAME = /^([0-9a-f]{16})-([0-9a-f]{8})-([0-9a-f]{64})-([0-9a-f]{8})-([0-9a-f]{8})$/

/** Everything but the bytes is in the name of a record, so that the index is loaded without reading any. */
export function encodeName({ seq, sent, hash, topic, size }: IndexEntry): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
  return [hex(seq, 16), hex(sent, 8), toHex(hash), hex(topic, 8), hex(size, 8)].join('-')
}

/** Undefined when it is no such name. */
export function decodeName(name: string): IndexEntry | undefined {
  const [, seq, sent, hash, topic, size] = NAME.exec(name) ?? []
  if (seq === undefined || sent === undefined || hash === undefined || topic === undefined || size === undefined)
    return undefined
  const integer = (digits: string): number => Number.parseInt(digits, 16)
  return { seq: integer(seq), sent: integer(sent), hash: fromHex(hash), topic: integer(topic), size: integer(size) }
}

/** All entries in the order of the archive, with what is counted about them. */
export class DatastoreIndex {
  readonly #hashes = new Set<string>()
  readonly #topics = new Map<number, number>()
  #entries: IndexEntry[] = []
  #bytes = 0

  get entries(): readonly IndexEntry[] {
    return this.#entries
  }

  get bytes(): number {
    return this.#bytes
  }

  get topics(): number {
    return this.#topics.size
  }

  /** @param hash - 64 hexadecimal digits */
  has(hash: string): boolean {
    return this.#hashes.has(hash)
  }

  add(entries: IndexEntry[]): void {
    for (const { hash, topic, size } of entries) {
      this.#hashes.add(toHex(hash))
      this.#topics.set(topic, (this.#topics.get(topic) ?? 0) + 1)
      this.#bytes += size
    }
    // Mostly they belong at the end or near it, and sorting an array that is almost sorted is cheap.
    this.#entries = this.#entries.concat(entries).sort(comparePositions)
  }

  remove(entries: IndexEntry[]): void {
    const gone = new Set(entries)
    for (const { hash, topic, size } of gone) {
      this.#hashes.delete(toHex(hash))
      const left = (this.#topics.get(topic) as number) - 1
      if (left === 0) this.#topics.delete(topic)
      else this.#topics.set(topic, left)
      this.#bytes -= size
    }
    this.#entries = this.#entries.filter(entry => !gone.has(entry))
  }

  /** Where the first entry is that was sent at `lower` or later. */
  from(lower: number): number {
    return this.#firstIndex(entry => entry.sent >= lower)
  }

  /** Where the first entry is that comes after a position. */
  after(position: Position): number {
    return this.#firstIndex(entry => comparePositions(entry, position) > 0)
  }

  /** Binary search for the first entry that passes a test which all later ones pass too. */
  #firstIndex(passes: (entry: IndexEntry) => boolean): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (passes(this.#entries[middle] as IndexEntry)) high = middle
      else low = middle + 1
    }
    return low
  }
}
