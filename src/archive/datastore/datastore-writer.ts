import { toHex } from '../../wire/bytes.js'
import type { Envelope } from '../../wire/envelope/envelope.js'
import type { AppendOutcome } from '../archive.js'
import { type CheckedTrim, cutOf } from '../checked-query.js'
import { ArchiveFullError } from '../errors.js'
import { DatastoreIndex, type IndexEntry } from './datastore-index.js'
import type { DatastoreRecords, State } from './datastore-records.js'

/** Envelopes deleted in one batch. */
const PRUNE_STEP = 1000

/** Every change of the archive, and the index that tells what is stored. Used by one caller at a time. */
export class DatastoreWriter {
  readonly #records: DatastoreRecords
  readonly #maxEnvelopes: number
  #index = new DatastoreIndex()
  #lastSeq = 0
  #id: Uint8Array = new Uint8Array(0)
  #inDoubt = true

  constructor(records: DatastoreRecords, maxEnvelopes: number) {
    this.#records = records
    this.#maxEnvelopes = maxEnvelopes
  }

  get index(): DatastoreIndex {
    return this.#index
  }

  get id(): Uint8Array {
    return this.#id
  }

  get lastSeq(): number {
    return this.#lastSeq
  }

  /** Takes from the datastore what it holds, at first and after a write of which nobody knows how far it came. */
  async settle(): Promise<void> {
    if (!this.#inDoubt) return
    const state = await this.#records.state()
    const entries = (await this.#records.entries()).sort((a, b) => a.seq - b.seq)
    const unique = new Map<string, IndexEntry>()
    const again: IndexEntry[] = []
    for (const entry of entries) {
      const hash = toHex(entry.hash)
      if (unique.has(hash)) again.push(entry)
      else unique.set(hash, entry)
    }
    // A write that was given up and arrived all the same.
    if (again.length > 0) await this.#records.delete(again)
    this.#index = new DatastoreIndex()
    this.#index.add([...unique.values()])
    this.#id = state.id
    this.#lastSeq = Math.max(state.lastSeq, entries.at(-1)?.seq ?? 0)
    this.#inDoubt = false
  }

  async append(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    await this.settle()
    const fresh = new Map<string, Envelope>()
    for (const envelope of envelopes) if (!this.#index.has(envelope.hashHex)) fresh.set(envelope.hashHex, envelope)
    if (this.#index.entries.length + fresh.size > this.#maxEnvelopes)
      throw new ArchiveFullError(`this archive holds at most ${this.#maxEnvelopes} envelopes`)
    const list = [...fresh.values()]
    if (list.length > 0) {
      const entries = list.map((envelope, i) => entryOf(envelope, this.#lastSeq + 1 + i))
      const state: State = { id: this.#id, lastSeq: this.#lastSeq + list.length }
      await this.#write(() => this.#records.put(state, entries, list))
      this.#index.add(entries)
      this.#lastSeq = state.lastSeq
    }
    return envelopes.map(envelope => (fresh.delete(envelope.hashHex) ? 'stored' : 'known'))
  }

  /** Up to when no more is meant than a trim may delete: its bound, or an earlier time. */
  cut(trim: CheckedTrim, isMeant: (entry: IndexEntry) => boolean): number {
    const old = this.#index.entries.slice(0, this.#index.from(trim.before)).filter(isMeant)
    return cutOf(old, trim, true) ?? trim.before
  }

  /** Deletes some of what is meant, was sent before a time and stored up to `lastSeq`; resolves with how many, 0 at the end. */
  async prune(before: number, lastSeq: number, isMeant: (entry: IndexEntry) => boolean): Promise<number> {
    await this.settle()
    const old = this.#index.entries.slice(0, this.#index.from(before))
    const step = old.filter(entry => entry.seq <= lastSeq && isMeant(entry)).slice(0, PRUNE_STEP)
    if (step.length === 0) return 0
    await this.#write(() => this.#records.delete(step))
    this.#index.remove(step)
    return step.length
  }

  /** Deletes these. */
  async drop(entries: IndexEntry[]): Promise<void> {
    await this.settle()
    for (let from = 0; from < entries.length; from += PRUNE_STEP) {
      const step = entries.slice(from, from + PRUNE_STEP)
      await this.#write(() => this.#records.delete(step))
      this.#index.remove(step)
    }
  }

  async #write(write: () => Promise<void>): Promise<void> {
    this.#inDoubt = true
    await write()
    this.#inDoubt = false
  }
}

function entryOf(envelope: Envelope, seq: number): IndexEntry {
  return { seq, sent: envelope.sent, hash: envelope.hash, topic: envelope.topicNumber, size: envelope.size }
}
