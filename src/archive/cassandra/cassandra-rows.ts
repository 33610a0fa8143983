import { equalBytes, toHex } from '../../wire/bytes.js'
import { keccak256 } from '../../wire/keccak.js'
import type { DamageLog } from '../damage-log.js'
import { type Room, type RowSource, SLICE_BYTES, SLICE_ROWS, type SourceRow } from '../page.js'
import type { SequencedSourceRow, SequenceSource } from '../sequence-page.js'
import type { CassandraDirectory, Runner } from './cassandra-directory.js'
import { BUCKET, bucketOf, type Entry, entryOf } from './cassandra-entry.js'
import type { CassandraLookup } from './cassandra-lookup.js'
import type { CassandraTables } from './cassandra-tables.js'
import type { CassandraWalk } from './cassandra-walk.js'

export interface RowParts {
  runner: Runner
  tables: CassandraTables
  directory: CassandraDirectory
  lookup: CassandraLookup
  damage: DamageLog
}

/** Partitions of the order of ingest that are read at once where there is nothing. */
const MOST_BUCKETS = 64

/** Envelopes for entries, each held against its hash; what was deleted since is left out. */
export async function rowsOf(
  { runner, lookup, damage }: RowParts,
  entries: readonly Entry[]
): Promise<SequencedSourceRow[]> {
  const raws = await lookup.raws(runner, entries)
  return entries.flatMap(({ sent, hash, seq }) => {
    const raw = raws.get(toHex(hash))
    if (raw === undefined) return []
    if (isSound(hash, raw)) return [{ sent, hash, seq, raw }]
    damage.note({ name: toHex(hash), times: { from: sent, until: sent }, count: 1 })
    return [{ sent, hash, seq, raw: new Uint8Array(0), damaged: 1 }]
  })
}

export const isSound = (hash: Uint8Array, raw: Uint8Array): boolean => equalBytes(keccak256(raw), hash)

/** Envelopes in the order of time, as a walk finds them. */
export function rowSource(parts: RowParts, walk: CassandraWalk): RowSource {
  const next = async (room: Room, signal?: AbortSignal | undefined): Promise<SourceRow[]> => {
    for (;;) {
      signal?.throwIfAborted()
      const [rows, bytes] = [Math.min(room.rows, SLICE_ROWS), Math.min(room.bytes, SLICE_BYTES)]
      const entries = await walk.next(rows, bytes, signal)
      if (entries.length === 0) return []
      const found = await rowsOf(parts, entries)
      if (found.length > 0) return found
    }
  }
  return { next }
}

/** Envelopes in the order of ingest, whichever daemon stored them. */
export function sequenceSource(
  parts: RowParts,
  { last, accepts }: { last: number; accepts: (entry: Entry) => boolean }
): SequenceSource {
  const query = `SELECT seq, sent, hash, topic, slot, size FROM ${parts.tables.name('envelope_seq')} WHERE bucket = ? AND seq > ? AND seq <= ? LIMIT ?`
  let together = 1
  const next: SequenceSource['next'] = async (after, room, signal) => {
    signal?.throwIfAborted()
    const first = bucketOf(after + 1)
    const count = Math.min(together, bucketOf(last) - first + 1)
    const buckets = Array.from({ length: Math.max(1, count) }, (_, i) => first + i)
    const most = Math.min(room.rows, SLICE_ROWS)
    const found = await Promise.all(buckets.map(bucket => parts.runner.run(query, [bucket, after, last, most])))
    // nothing behind the first bucket that was not read to its end
    const whole = found.findIndex(rows => rows.length === most)
    const read = whole === -1 ? found : found.slice(0, whole + 1)
    const entries = read.flat().map(row => entryOf(row))
    together = entries.length === 0 ? Math.min(MOST_BUCKETS, together * 2) : 1
    let upTo = whole === -1 ? (first + buckets.length) * BUCKET - 1 : (entries.at(-1) as Entry).seq
    const taken: Entry[] = []
    let bytes = Math.min(room.bytes, SLICE_BYTES)
    for (const entry of entries) {
      if (taken.length === most || bytes < 0) {
        upTo = (taken.at(-1) as Entry).seq
        break
      }
      if (!accepts(entry)) continue
      taken.push(entry)
      bytes -= entry.size
    }
    return { rows: await rowsOf(parts, taken), upTo }
  }
  return { next }
}
