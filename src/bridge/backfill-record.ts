import type { PeerId } from '@libp2p/interface'
import { type Datastore, Key } from 'interface-datastore'
import { toHex } from '../wire/bytes.js'
import { keccak256 } from '../wire/keccak.js'
import type { Dialect } from '../wire/request/history-request.js'

/** How far an unfinished backfill came. Times are Unix seconds, inclusive. */
export interface BackfillRecord {
  from: number
  to: number
  /** Everything from `from` to here is fetched; the rest is what the cursor belongs to. */
  covered?: number | undefined
  /** Of the server, behind the last page that is on disk. */
  cursor?: string | undefined
  /** The form of the requests that the cursor was handed out for; undefined: what is usual at such a server. */
  dialect?: Dialect | undefined
}

/** The unfinished backfills of a data dir, one for each server and filter. */
export class BackfillRecords {
  readonly #datastore: Datastore

  constructor(datastore: Datastore) {
    this.#datastore = datastore
  }

  /** Undefined when there is none, or none that can be read: then everything is fetched again, which harms nothing. */
  async load(server: PeerId, topics: readonly Uint8Array[] | undefined): Promise<BackfillRecord | undefined> {
    const key = keyOf(server, topics)
    if (!(await this.#datastore.has(key))) return undefined
    try {
      const record = JSON.parse(new TextDecoder().decode(await this.#datastore.get(key))) as BackfillRecord
      return Number.isInteger(record.from) && Number.isInteger(record.to) ? record : undefined
    } catch {
      return undefined
    }
  }

  async save(server: PeerId, topics: readonly Uint8Array[] | undefined, record: BackfillRecord): Promise<void> {
    await this.#datastore.put(keyOf(server, topics), new TextEncoder().encode(JSON.stringify(record)))
  }

  async remove(server: PeerId, topics: readonly Uint8Array[] | undefined): Promise<void> {
    await this.#datastore.delete(keyOf(server, topics))
  }
}

function keyOf(server: PeerId, topics: readonly Uint8Array[] | undefined): Key {
  const filter = topics === undefined ? 'all' : digest(topics)
  return new Key(`/backfill/${server}/${filter}`)
}

function digest(topics: readonly Uint8Array[]): string {
  const sorted = [...new Set(topics.map(toHex))].sort().join(' ')
  return toHex(keccak256(new TextEncoder().encode(sorted)).subarray(0, 16))
}
