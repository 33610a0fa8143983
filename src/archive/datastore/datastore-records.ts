import { type Datastore, Key } from 'interface-datastore'
import { concatBytes, readUint32, writeUint32 } from '../../wire/bytes.js'
import type { Envelope } from '../../wire/envelope/envelope.js'
import { randomBytes } from '../../wire/random.js'
import { ArchiveFormatError, ArchiveFullError } from '../errors.js'
import { decodeName, encodeName, type IndexEntry } from './datastore-index.js'

/** Raised whenever an older version could not read what this one writes. */
const FORMAT = 1
const ID_BYTES = 8
/** Records fetched at the same time. */
const PARALLEL = 64

/** What a browser says when its quota is exceeded, and what comes of ending a transaction that it has ended for that reason. */
const NO_ROOM = new Set(['QuotaExceededError', 'InvalidStateError', 'AbortError'])
const NOT_KEPT = 'the datastore did not keep what it was given: there may be no room left'

/** What is stored beside the envelopes. */
export interface State {
  id: Uint8Array
  /** Last ingest sequence number given out. */
  lastSeq: number
}

/**
 * The records of an archive in a datastore: `<prefix>/state` is format(4) ‖ id(8) ‖ last seq(8), big-endian,
 * `<prefix>/coverage` what a `CoverageLog` keeps, and
 * `<prefix>/e/<seq>-<sent>-<hash>-<topic>-<size>`, all in hexadecimal, is an envelope.
 */
export class DatastoreRecords {
  readonly #datastore: Datastore
  readonly #prefix: string
  readonly #stateKey: Key
  readonly #coverageKey: Key

  constructor(datastore: Datastore, prefix: string) {
    this.#datastore = datastore
    this.#prefix = `${prefix}/e`
    this.#stateKey = new Key(`${prefix}/state`)
    this.#coverageKey = new Key(`${prefix}/coverage`)
  }

  /** Reads the state, or begins an archive. */
  async state(): Promise<State> {
    const found = await this.#get(this.#stateKey)
    if (found === undefined) {
      const state = { id: randomBytes(ID_BYTES), lastSeq: 0 }
      await this.#datastore.put(this.#stateKey, encodeState(state))
      return state
    }
    return decodeState(found)
  }

  /** What a `CoverageLog` saved. */
  coverage(): Promise<Uint8Array | undefined> {
    return this.#get(this.#coverageKey)
  }

  async putCoverage(bytes: Uint8Array): Promise<void> {
    await this.#datastore.put(this.#coverageKey, bytes)
  }

  /** Every envelope there is, in no order. */
  async entries(): Promise<IndexEntry[]> {
    const entries: IndexEntry[] = []
    for await (const key of this.#datastore.queryKeys({ prefix: this.#prefix })) {
      const entry = decodeName(key.name())
      if (entry === undefined) throw new ArchiveFormatError('there is something else where the archive belongs')
      entries.push(entry)
    }
    return entries
  }

  /** The bytes of each envelope, undefined where it is gone. */
  async raws(entries: readonly IndexEntry[]): Promise<(Uint8Array | undefined)[]> {
    const raws: (Uint8Array | undefined)[] = []
    for (let from = 0; from < entries.length; from += PARALLEL)
      raws.push(...(await Promise.all(entries.slice(from, from + PARALLEL).map(entry => this.#get(this.#key(entry))))))
    return raws
  }

  /** The state goes first: where a batch is not atomic, a number given out must not be given out again. */
  async put(state: State, entries: IndexEntry[], envelopes: Envelope[]): Promise<void> {
    const batch = this.#datastore.batch()
    batch.put(this.#stateKey, encodeState(state))
    // A copy, because a datastore may keep the very array it is given.
    entries.forEach((entry, i) => {
      batch.put(this.#key(entry), (envelopes[i] as Envelope).raw.slice())
    })
    try {
      await batch.commit()
    } catch (cause) {
      throw NO_ROOM.has((cause as Error).name) ? new ArchiveFullError(NOT_KEPT, { cause }) : cause
    }
    // datastore-idb says that a batch is written also when the browser had no room for it
    const last = entries.at(-1)
    if (last !== undefined && !(await this.#datastore.has(this.#key(last)))) throw new ArchiveFullError(NOT_KEPT)
  }

  async delete(entries: IndexEntry[]): Promise<void> {
    const batch = this.#datastore.batch()
    for (const entry of entries) batch.delete(this.#key(entry))
    await batch.commit()
  }

  #key(entry: IndexEntry): Key {
    return new Key(`${this.#prefix}/${encodeName(entry)}`, false)
  }

  async #get(key: Key): Promise<Uint8Array | undefined> {
    try {
      const found = await this.#datastore.get(key)
      // A plain view: some stores return a `Buffer`, which has other ideas of `slice`.
      return new Uint8Array(found.buffer, found.byteOffset, found.length)
    } catch (error) {
      if (error instanceof Error && error.name === 'NotFoundError') return undefined
      throw error
    }
  }
}

function encodeState({ id, lastSeq }: State): Uint8Array {
  return concatBytes(
    writeUint32(FORMAT),
    id,
    writeUint32(Math.floor(lastSeq / 2 ** 32)),
    writeUint32(lastSeq % 2 ** 32)
  )
}

function decodeState(bytes: Uint8Array): State {
  const format = bytes.length < 4 ? 'unreadable' : readUint32(bytes)
  if (format !== FORMAT)
    throw new ArchiveFormatError(`the archive has format ${format}; this version knows format ${FORMAT} only`)
  if (bytes.length !== 4 + ID_BYTES + 8) throw new ArchiveFormatError('the state of the archive is not readable')
  const at = 4 + ID_BYTES
  return { id: bytes.slice(4, at), lastSeq: readUint32(bytes, at) * 2 ** 32 + readUint32(bytes, at + 4) }
}
