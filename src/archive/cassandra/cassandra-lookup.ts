import cassandra from 'cassandra-driver'
import { toHex } from '../../wire/bytes.js'
import type { Runner } from './cassandra-directory.js'
import { dayOf, type Entry, entryOf, groupBy, hourOf, nibbleOf, plain, signed } from './cassandra-entry.js'
import { buffer, type CassandraTables } from './cassandra-tables.js'

/** Rows, and bytes of envelopes, that one statement brings. */
const ROWS = 64
const BYTES = 512 * 1024

/** Finds single envelopes by time and hash, those of a partition together. */
export class CassandraLookup {
  readonly #tables: CassandraTables

  constructor(tables: CassandraTables) {
    this.#tables = tables
  }

  /** What is stored of these, by hash in hexadecimal. */
  async entries(runner: Runner, wanted: readonly { sent: number; hash: Uint8Array }[]): Promise<Map<string, Entry>> {
    const query = `SELECT sent, hash, topic, slot, size, seq FROM ${this.#tables.name('envelope_time')} WHERE hour = ? AND nibble = ? AND (sent, hash) IN ?`
    const found = new Map<string, Entry>()
    const groups = groupBy(wanted, ({ sent, hash }) => `${hourOf(sent)} ${nibbleOf(hash)}`)
    const pieces = [...groups.values()].flatMap(group => cut(group, () => 0))
    await Promise.all(
      pieces.map(async piece => {
        const { sent, hash } = piece[0] as { sent: number; hash: Uint8Array }
        const rows = await runner.run(query, [hourOf(sent), nibbleOf(hash), tuples(piece)])
        for (const row of rows) {
          const entry = entryOf(row)
          found.set(toHex(entry.hash), entry)
        }
      })
    )
    return found
  }

  /** The envelopes themselves, by hash in hexadecimal; what was deleted meanwhile is absent. */
  async raws(runner: Runner, entries: readonly Entry[]): Promise<Map<string, Uint8Array>> {
    const query = `SELECT hash, raw FROM ${this.#tables.name('envelope')} WHERE topic = ? AND day = ? AND slot = ? AND (sent, hash) IN ?`
    const found = new Map<string, Uint8Array>()
    const groups = groupBy(entries, ({ topic, sent, slot }) => `${topic} ${dayOf(sent)} ${slot}`)
    const pieces = [...groups.values()].flatMap(group => cut(group, ({ size }) => size))
    await Promise.all(
      pieces.map(async piece => {
        const { topic, sent, slot } = piece[0] as Entry
        const rows = await runner.run(query, [signed(topic), dayOf(sent), slot, tuples(piece)])
        for (const row of rows)
          if (row.raw !== null) found.set(toHex(plain(row.hash as Buffer)), plain(row.raw as Buffer))
      })
    )
    return found
  }
}

function tuples(wanted: readonly { sent: number; hash: Uint8Array }[]): unknown[] {
  const { Tuple, Long } = cassandra.types
  return wanted.map(({ sent, hash }) => new Tuple(Long.fromNumber(sent), buffer(hash)))
}

function cut<T>(items: readonly T[], bytesOf: (item: T) => number): T[][] {
  const pieces: T[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const item of items) {
    const last = pieces.at(-1)
    if (last === undefined || last.length === ROWS || bytes + bytesOf(item) > BYTES) {
      pieces.push([item])
      bytes = bytesOf(item)
    } else {
      last.push(item)
      bytes += bytesOf(item)
    }
  }
  return pieces
}
