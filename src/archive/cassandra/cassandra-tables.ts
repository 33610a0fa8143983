import { bucketOf, dayOf, type Entry, groupBy, hourOf, nibbleOf, signed } from './cassandra-entry.js'
import type { Statement } from './cassandra-session.js'

/** Bytes and rows of one batch: Cassandra takes 16 MiB, and is happier with less. */
const BATCH_BYTES = 256 * 1024
const BATCH_ROWS = 128

/** Statements by table, of one keyspace. Those of one partition form batches. */
export class CassandraTables {
  readonly #keyspace: string

  constructor(keyspace: string) {
    this.#keyspace = keyspace
  }

  name(table: string): string {
    return `${this.#keyspace}.${table}`
  }

  /** Everything that makes envelopes found. */
  inserts(entries: readonly (Entry & { raw: Uint8Array })[], stamp: number): Statement[][] {
    const [envelope, time] = [
      `INSERT INTO ${this.name('envelope')} (topic, day, slot, sent, hash, size, seq, raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`,
      `INSERT INTO ${this.name('envelope_time')} (hour, nibble, sent, hash, topic, slot, size, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`
    ]
    return [
      ...batches(entries, partition, ({ topic, slot, sent, hash, size, seq, raw }) => ({
        query: envelope,
        params: [signed(topic), dayOf(sent), slot, sent, buffer(hash), size, seq, buffer(raw), stamp]
      })),
      ...batches(entries, timePartition, ({ topic, slot, sent, hash, size, seq }) => ({
        query: time,
        params: [hourOf(sent), nibbleOf(hash), sent, buffer(hash), signed(topic), slot, size, seq, stamp]
      })),
      ...this.numbers(entries, stamp)
    ]
  }

  /** What makes them found in the order of ingest. */
  numbers(entries: readonly Entry[], stamp: number): Statement[][] {
    const query = `INSERT INTO ${this.name('envelope_seq')} (bucket, seq, sent, hash, topic, slot, size) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`
    return batches(entries, seqPartition, ({ topic, slot, sent, hash, size, seq }) => ({
      query,
      params: [bucketOf(seq), seq, sent, buffer(hash), signed(topic), slot, size, stamp]
    }))
  }

  /** Takes all that away again. */
  deletes(entries: readonly Entry[], stamp: number): Statement[][] {
    const remove = (table: string, key: readonly string[]): string =>
      `DELETE FROM ${this.name(table)} USING TIMESTAMP ? WHERE ${key.map(name => `${name} = ?`).join(' AND ')}`
    const envelope = remove('envelope', ['topic', 'day', 'slot', 'sent', 'hash'])
    const time = remove('envelope_time', ['hour', 'nibble', 'sent', 'hash'])
    const seq = remove('envelope_seq', ['bucket', 'seq'])
    return [
      ...batches(entries, partition, ({ topic, slot, sent, hash }) => ({
        query: envelope,
        params: [stamp, signed(topic), dayOf(sent), slot, sent, buffer(hash)]
      })),
      ...batches(entries, timePartition, ({ sent, hash }) => ({
        query: time,
        params: [stamp, hourOf(sent), nibbleOf(hash), sent, buffer(hash)]
      })),
      ...batches(entries, seqPartition, entry => ({
        query: seq,
        params: [stamp, bucketOf(entry.seq), entry.seq]
      }))
    ]
  }
}

const partition = ({ topic, sent, slot }: Entry): string => `${topic} ${dayOf(sent)} ${slot}`
const timePartition = ({ sent, hash }: Entry): string => `${hourOf(sent)} ${nibbleOf(hash)}`
const seqPartition = ({ seq }: Entry): string => String(bucketOf(seq))

/** As the driver takes bytes. */
export const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

function batches<T extends Entry>(
  entries: readonly T[],
  partitionOf: (entry: T) => string,
  statement: (entry: T) => Statement
): Statement[][] {
  const made: Statement[][] = []
  for (const group of groupBy(entries, partitionOf).values()) {
    let batch: Statement[] = []
    let bytes = 0
    for (const entry of group) {
      if (batch.length === BATCH_ROWS || (batch.length > 0 && bytes + entry.size > BATCH_BYTES)) {
        made.push(batch)
        batch = []
        bytes = 0
      }
      batch.push(statement(entry))
      bytes += entry.size
    }
    made.push(batch)
  }
  return made
}
