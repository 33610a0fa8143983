import { BaseDatastore, MemoryDatastore } from 'datastore-core'
import type { Batch, Datastore, Key, KeyQuery, Pair, Query } from 'interface-datastore'
import * as FIGURES from '../../limits/figures.js'

/** What libp2p keeps of peers, below this name. */
const PEERS = '/peers'

/** A node's records, those of libp2p's peer store in memory: it writes them on every inbound stream, and a full disk must not end that. */
export class PeersInMemory extends BaseDatastore {
  readonly #disk: Datastore
  readonly #peers = new MemoryDatastore()
  readonly #keys = new Map<string, Key>()

  constructor(disk: Datastore) {
    super()
    this.#disk = disk
  }

  /** Deletes what an earlier version kept on disk; a failure only means that it stays. */
  async forgetOld(): Promise<void> {
    try {
      for await (const key of this.#disk.queryKeys({ prefix: PEERS })) await this.#disk.delete(key)
    } catch {
      // a full disk takes no deletions either
    }
  }

  override async put(key: Key, value: Uint8Array): Promise<Key> {
    if (!isPeer(key)) return this.#disk.put(key, value)
    const name = key.toString()
    this.#keys.delete(name)
    this.#keys.set(name, key)
    await this.#peers.put(key, value)
    for (const [oldest, old] of this.#keys) {
      if (this.#keys.size <= FIGURES.connections.records) break
      this.#keys.delete(oldest)
      await this.#peers.delete(old)
    }
    return key
  }

  override async delete(key: Key): Promise<void> {
    this.#keys.delete(key.toString())
    await this.#of(key).delete(key)
  }

  override async get(key: Key): Promise<Uint8Array> {
    return this.#of(key).get(key)
  }

  override async has(key: Key): Promise<boolean> {
    return this.#of(key).has(key)
  }

  /** Of what is on disk. */
  override batch(): Batch {
    return this.#disk.batch()
  }

  override query(query: Query): Generator<Pair> | AsyncGenerator<Pair> {
    return this.#below(query.prefix).query(query)
  }

  override queryKeys(query: KeyQuery): Generator<Key> | AsyncGenerator<Key> {
    return this.#below(query.prefix).queryKeys(query)
  }

  #of(key: Key): Datastore {
    return isPeer(key) ? this.#peers : this.#disk
  }

  #below(prefix: string | undefined): Datastore {
    return prefix === PEERS || prefix?.startsWith(`${PEERS}/`) === true ? this.#peers : this.#disk
  }
}

function isPeer(key: Key): boolean {
  return key.toString().startsWith(`${PEERS}/`)
}
