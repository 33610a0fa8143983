import { turnIsOver } from '../base/loop-turn.js'
import { pause } from '../base/pause.js'
import { concatBytes, readUint32, writeUint32 } from '../wire/bytes.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { keccak256 } from '../wire/keccak.js'
import { Fingerprint } from '../wire/request/fingerprint.js'

/** sent(4) ‖ hash(32) ‖ the first 16 bytes of the hash of its topic and data */
export const ENTRY_BYTES = 52
const HASH_AT = 4
const DATA_AT = 36

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

export function entryOf(envelope: Envelope): Uint8Array {
  return concatBytes(
    writeUint32(envelope.sent),
    envelope.hash,
    keccak256(concatBytes(envelope.topic, envelope.data)).subarray(0, 16)
  )
}

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

  /** Those of a part. */
  within({ lower, upper }: Part): LedgerEntry[] {
    const found: LedgerEntry[] = []
    for (const entry of this.#entries.values()) {
      const sent = readUint32(entry, 0)
      if (sent >= lower && sent <= upper) found.push({ sent, hash: entry.subarray(HASH_AT, DATA_AT) })
    }
    return found
  }

  /** Count and fingerprint of each part; they have to ascend and not to overlap. */
  async fingerprints(parts: readonly Part[], salt: Uint8Array): Promise<Fingerprint[]> {
    const sums = parts.map(() => new Fingerprint(salt))
    for (const entry of this.#entries.values()) {
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
