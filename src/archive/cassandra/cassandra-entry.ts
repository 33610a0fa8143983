import { concatBytes, readUint32, writeUint32 } from '../../wire/bytes.js'
import type { Row } from './cassandra-session.js'

/** What the indexes know of an envelope. */
export interface Entry {
  sent: number
  hash: Uint8Array
  /** An integer of 32 bits. */
  topic: number
  /** Which partition of its topic and day it lies in. */
  slot: number
  /** Bytes of the envelope. */
  size: number
  seq: number
}

const DAY = 86_400
const HOUR = 3600
/** Numbers of a partition of the order of ingest. */
export const BUCKET = 4096
/** Envelopes of one topic and day that share a partition, so that none outgrows what Cassandra likes (100 MB). */
export const SLOT = 65_536

export const dayOf = (sent: number): number => Math.floor(sent / DAY)
export const hourOf = (sent: number): number => Math.floor(sent / HOUR)
export const bucketOf = (seq: number): number => Math.floor(seq / BUCKET)
/** The envelopes of an hour lie in sixteen partitions, so that no node has all that is new. */
export const nibbleOf = (hash: Uint8Array): number => (hash[0] as number) >> 4
export const NIBBLES = 16
export const dayStart = (day: number): number => day * DAY
export const hourStart = (hour: number): number => hour * HOUR
/** As Cassandra's int. */
export const signed = (topic: number): number => topic | 0
/** Every other order of bytes comes after none and before this one. */
export const LAST_HASH: Uint8Array = new Uint8Array(32).fill(0xff)

export const plain = (bytes: Buffer): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)

/** Of a row of any index that has the columns. */
export function entryOf(row: Row, known: Partial<Entry> = {}): Entry {
  return {
    sent: Number(row.sent),
    hash: plain(row.hash as Buffer),
    topic: known.topic ?? (row.topic as number) >>> 0,
    slot: known.slot ?? (row.slot as number),
    size: row.size as number,
    seq: known.seq ?? Number(row.seq)
  }
}

/** topic(4) slot(4) sent(4) size(4) seq(8) hash(32), big-endian. */
const BYTES = 56

export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * BYTES)
  entries.forEach(({ topic, slot, sent, size, seq, hash }, i) => {
    const numbers = [topic, slot, sent, size, Math.floor(seq / 2 ** 32), seq % 2 ** 32].map(writeUint32)
    bytes.set(concatBytes(...numbers, hash), i * BYTES)
  })
  return bytes
}

export function decodeEntries(bytes: Uint8Array): Entry[] {
  return Array.from({ length: Math.floor(bytes.length / BYTES) }, (_, i) => {
    const at = i * BYTES
    return {
      topic: readUint32(bytes, at),
      slot: readUint32(bytes, at + 4),
      sent: readUint32(bytes, at + 8),
      size: readUint32(bytes, at + 12),
      seq: readUint32(bytes, at + 16) * 2 ** 32 + readUint32(bytes, at + 20),
      hash: bytes.slice(at + 24, at + BYTES)
    }
  })
}

/** Groups by a name, in the order of the first of each. */
export function groupBy<T>(items: Iterable<T>, name: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = name(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}
