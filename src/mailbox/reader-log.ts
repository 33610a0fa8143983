import { type Datastore, Key } from 'interface-datastore'
import { joinBytes, readUint32, toHex, writeUint32 } from '../wire/bytes.js'
import { randomBytes } from '../wire/random.js'
import { type Bookmark, decodeBookmark, emptyBookmark, encodeBookmark } from './bookmark.js'
import { MailboxStorageError } from './errors.js'
import { ENTRY_BYTES, Ledger } from './ledger.js'

/** Entries of one record, at most: 104 KiB. */
const CHUNK = 2048
/** So many records are joined. */
const MANY = 64

export interface ReaderLogInit {
  /** Without one nothing outlives the reader. */
  datastore: Datastore | undefined
  /** Which reader of which topics: hexadecimal digits. */
  id: string
  /** Most envelopes that are remembered. */
  remembered: number
  onTrouble(error: Error): void
}

/**
 * What a reader went through, kept as it goes. A bookmark is written after the entries that it stands behind, so that whatever is cut
 * short repeats a request and shows nothing twice. Several tabs may write to one: what they add joins.
 */
export class ReaderLog {
  readonly ledger: Ledger
  readonly #init: ReaderLogInit
  readonly #bookmarks = new Map<string, Bookmark>()
  readonly #changed = new Set<string>()
  #unwritten: Uint8Array[] = []
  #records: string[] = []
  #writing: Promise<void> | undefined

  constructor(init: ReaderLogInit) {
    this.#init = init
    this.ledger = new Ledger(init.remembered)
  }

  /** @throws {MailboxStorageError} */
  async load(): Promise<void> {
    const { datastore } = this.#init
    if (datastore === undefined) return
    try {
      for await (const { key, value } of datastore.query({ prefix: `${this.#prefix}e/` })) {
        this.#records.push(key.baseNamespace())
        for (let at = 0; at + ENTRY_BYTES <= value.length; at += ENTRY_BYTES) {
          this.ledger.add(value.slice(at, at + ENTRY_BYTES))
        }
      }
      for await (const { key, value } of datastore.query({ prefix: `${this.#prefix}b/` })) {
        this.#bookmarks.set(key.baseNamespace(), decodeBookmark(value))
      }
      const floor = new Key(`${this.#prefix}floor`)
      if (await datastore.has(floor))
        this.ledger.floor = Math.max(this.ledger.floor, readUint32(await datastore.get(floor)))
      if (this.#records.length > MANY) await this.#join(datastore)
    } catch (cause) {
      throw new MailboxStorageError('what was read cannot be remembered', { cause })
    }
  }

  /** That of a server, by its name: its PeerId, and the lane where there are several. */
  bookmark(server: string): Bookmark {
    return this.#bookmarks.get(server) ?? emptyBookmark()
  }

  /** The entries before it are written first. */
  mark(server: string, bookmark: Bookmark): void {
    this.#bookmarks.set(server, bookmark)
    this.#changed.add(server)
    this.#write()
  }

  /** An envelope was gone through. */
  add(entry: Uint8Array): void {
    this.ledger.add(entry)
    if (this.#init.datastore === undefined) return
    this.#unwritten.push(entry)
    this.#write()
  }

  /** Resolves when all is written that can be. */
  async flush(): Promise<void> {
    this.#write()
    while (this.#writing !== undefined) await this.#writing
  }

  /** One write at a time; what comes meanwhile is written together. */
  #write(): void {
    const { datastore, onTrouble } = this.#init
    if (datastore === undefined || this.#writing !== undefined) return
    if (this.#unwritten.length === 0 && this.#changed.size === 0) return
    this.#writing = this.#writeAll(datastore)
      .catch(cause => {
        onTrouble(new MailboxStorageError('what was read cannot be remembered', { cause }))
        return true
      })
      .then(failed => {
        this.#writing = undefined
        // what could not be written is tried again with what comes next
        if (failed !== true) this.#write()
      })
  }

  async #writeAll(datastore: Datastore): Promise<void> {
    const bookmarks = [...this.#changed].map(server => [server, encodeBookmark(this.bookmark(server))] as const)
    this.#changed.clear()
    try {
      while (this.#unwritten.length > 0) {
        const entries = this.#unwritten.slice(0, CHUNK)
        await this.#put(datastore, entries)
        this.#unwritten = this.#unwritten.slice(entries.length)
      }
      for (const [server, bytes] of bookmarks) await datastore.put(new Key(`${this.#prefix}b/${server}`), bytes)
    } catch (error) {
      for (const [server] of bookmarks) this.#changed.add(server)
      throw error
    }
  }

  async #put(datastore: Datastore, entries: readonly Uint8Array[]): Promise<string> {
    const name = toHex(randomBytes(8))
    await datastore.put(new Key(`${this.#prefix}e/${name}`), joinBytes(entries))
    this.#records.push(name)
    return name
  }

  /** Small records become large ones, and what is not remembered goes. */
  async #join(datastore: Datastore): Promise<void> {
    const before = this.#records
    this.#records = []
    // said before anything is forgotten
    if (this.ledger.floor > 0) await datastore.put(new Key(`${this.#prefix}floor`), writeUint32(this.ledger.floor))
    const entries = [...this.ledger.entries()]
    for (let at = 0; at < entries.length; at += CHUNK) await this.#put(datastore, entries.slice(at, at + CHUNK))
    for (const name of before) await datastore.delete(new Key(`${this.#prefix}e/${name}`))
  }

  get #prefix(): string {
    return `/mailbox/readers/${this.#init.id}/`
  }
}
