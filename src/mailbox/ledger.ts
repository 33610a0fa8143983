import type { PeerId } from '@libp2p/interface'
import { turnIsOver } from '../base/loop-turn.js'
import { pause } from '../base/pause.js'
import { concatBytes, equalBytes, readUint32, writeUint32 } from '../wire/bytes.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { keccak256 } from '../wire/keccak.js'
import { Fingerprint } from '../wire/request/fingerprint.js'

/** sent(4) ‖ hash(32) ‖ the first 16 bytes of the hash of its topic and data ‖ topic(4) ‖ whom it came from(8) */
export const ENTRY_BYTES = 64
const HASH_AT = 4
const DATA_AT = 36
const TOPIC_AT = 52
const FROM_AT = 56

/** An envelope as a ledger knows it. */
export interface LedgerEntry {
  sent: number
  /** 32 bytes. */
  hash: Uint8Array
}

/** A part of a range. */
export interface Part {
  /** Unix seconds, inclusive. */
  lower: number
  upper: number
}

/** @param from - the server that delivered it, as history; what was heard live counts for none */
export function entryOf(envelope: Envelope, from?: PeerId): Uint8Array {
  return concatBytes(
    writeUint32(envelope.sent),
    envelope.hash,
    keccak256(concatBytes(envelope.topic, envelope.data)).subarray(0, 16),
    envelope.topic,
    from === undefined ? NOBODY : markOf(from)
  )
}

const NOBODY = new Uint8Array(8)

/** The end of a PeerId, which is the end of a key or of a hash. */
const markOf = (peer: PeerId): Uint8Array => peer.toMultihash().bytes.slice(-8)

/** Topics by their numbers. */
export type TopicSet = ReadonlySet<number>

/**
 * The envelopes that a reader went through, so that none is shown twice, whichever server it comes from, and so that servers can be
 * compared with it. Beyond its size the oldest are forgotten.
 */
export class Ledger {
  /** What was sent before this time may have been forgotten. Unix seconds. */
  floor: number
  readonly #size: number
  readonly #entries = new Map<string, Uint8Array>()
  readonly #data = new Set<string>()

  constructor(size: number, floor = 0) {
    this.#size = size
    this.floor = floor
  }

  get size(): number {
    return this.#entries.size
  }

  has(hash: Uint8Array): boolean {
    return this.#entries.has(nameOf(hash))
  }

  /** Whether another envelope with the same topic and data was there: the same message, mined again. */
  hasData(entry: Uint8Array): boolean {
    return this.#data.has(nameOf(entry.subarray(DATA_AT)))
  }

  add(entry: Uint8Array): void {
    this.#entries.set(nameOf(entry.subarray(HASH_AT)), entry)
    this.#data.add(nameOf(entry.subarray(DATA_AT)))
    if (this.#entries.size > this.#size) this.#forget()
  }

  /** All entries, one after the other. */
  *entries(): Generator<Uint8Array> {
    yield* this.#entries.values()
  }

  /** Those of a part and of some topics. */
  within({ lower, upper }: Part, topics: TopicSet): LedgerEntry[] {
    const found: LedgerEntry[] = []
    for (const entry of this.#entries.values()) {
      const sent = readUint32(entry, 0)
      if (sent < lower || sent > upper || !topics.has(readUint32(entry, TOPIC_AT))) continue
      found.push({ sent, hash: entry.subarray(HASH_AT, DATA_AT) })
    }
    return found
  }

  /** Whether there is any of some topics. */
  holdsAny(topics: TopicSet): boolean {
    for (const entry of this.#entries.values()) if (topics.has(readUint32(entry, TOPIC_AT))) return true
    return false
  }

  /** How many there are of some topics that were sent since a time, and how many of them a server delivered. */
  count(since: number, topics: TopicSet, server: PeerId): { all: number; delivered: number } {
    const mark = markOf(server)
    const counts = { all: 0, delivered: 0 }
    for (const entry of this.#entries.values()) {
      if (readUint32(entry, 0) < since || !topics.has(readUint32(entry, TOPIC_AT))) continue
      counts.all++
      if (equalBytes(entry.subarray(FROM_AT), mark)) counts.delivered++
    }
    return counts
  }

  /** Whether it was this server that delivered an envelope. */
  isFrom(hash: Uint8Array, server: PeerId): boolean {
    const entry = this.#entries.get(nameOf(hash))
    return entry !== undefined && equalBytes(entry.subarray(FROM_AT), markOf(server))
  }

  /** Count and fingerprint of each part, of some topics; the parts have to ascend and not to overlap. */
  async fingerprints(parts: readonly Part[], salt: Uint8Array, topics: TopicSet): Promise<Fingerprint[]> {
    const sums = parts.map(() => new Fingerprint(salt))
    for (const entry of this.#entries.values()) {
      if (!topics.has(readUint32(entry, TOPIC_AT))) continue
      const at = partAt(parts, readUint32(entry, 0))
      if (at !== undefined) sums[at]?.add(entry.subarray(HASH_AT, DATA_AT))
      if (turnIsOver()) await pause()
    }
    return sums
  }

  /** A tenth at once, by the time they were sent. */
  #forget(): void {
    const all = [...this.#entries.entries()].sort(([, a], [, b]) => readUint32(a, 0) - readUint32(b, 0))
    for (const [name, entry] of all.slice(0, Math.max(1, Math.floor(this.#size / 10)))) {
      this.#entries.delete(name)
      this.#data.delete(nameOf(entry.subarray(DATA_AT)))
      this.floor = Math.max(this.floor, readUint32(entry, 0) + 1)
    }
  }
}

/** The part that holds a time. */
function partAt(parts: readonly Part[], time: number): number | undefined {
  let low = 0
  let high = parts.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const { lower, upper } = parts[middle] as Part
    if (time < lower) high = middle - 1
    else if (time > upper) low = middle + 1
    else return middle
  }
  return undefined
}

/** 16 bytes as a short string: of random bytes, as many tell any two apart. */
function nameOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 16))
}
