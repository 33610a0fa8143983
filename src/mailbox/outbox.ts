import { type Datastore, Key } from 'interface-datastore'
import { toHex } from '../wire/bytes.js'
import { randomBytes } from '../wire/random.js'
import { MailboxStorageError, OutboxFullError } from './errors.js'
import { decodeLetter, encodeLetter, type SealedLetter } from './letter.js'

export interface OutboxInit {
  datastore: Datastore
  maxLetters: number
  maxBytes: number
}

const PREFIX = '/mailbox/outbox/'
/** Letters that were confirmed lately: other tabs look here for what became of theirs. */
const SETTLED = '/mailbox/settled/'
/** How long they have for that, ms. */
const TOLD = 60_000

/**
 * Letters on their way, in the datastore: they survive restarts, and every tab that shares it sees the same. Ids are in the order in
 * which letters were written, and end with their size.
 */
export class Outbox {
  readonly #init: OutboxInit
  #written = 0
  /** When letters were settled here, ms. */
  readonly #settled = new Map<string, number>()
  /** Letters that are being written follow each other, so that together they stay within the bounds. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(init: OutboxInit) {
    this.#init = init
  }

  /**
   * Resolves with the letter's id once it is kept.
   *
   * @throws {OutboxFullError}
   * @throws {MailboxStorageError}
   */
  add(letter: SealedLetter): Promise<string> {
    const added = this.#last.then(() => this.#add(letter))
    this.#last = added.catch(() => {})
    return added
  }

  async #add(letter: SealedLetter): Promise<string> {
    const { maxLetters, maxBytes } = this.#init
    const bytes = encodeLetter(letter)
    const ids = await this.ids()
    const held = ids.reduce((sum, id) => sum + sizeOf(id), 0)
    if (ids.length >= maxLetters) throw new OutboxFullError(`the outbox holds ${maxLetters} letters`)
    if (held + bytes.length > maxBytes) throw new OutboxFullError(`the outbox holds ${held} of ${maxBytes} bytes`)
    const parts = [
      Date.now().toString(16).padStart(12, '0'),
      (this.#written++ % 0x1_0000).toString(16).padStart(4, '0')
    ]
    const id = `${parts.join('')}${toHex(randomBytes(4))}-${bytes.length}`
    await this.#storing(() => this.#init.datastore.put(keyOf(id), bytes))
    return id
  }

  /** Of all letters, the oldest first. */
  async ids(): Promise<string[]> {
    return await this.#storing(async () => {
      const ids: string[] = []
      for await (const key of this.#init.datastore.queryKeys({ prefix: PREFIX })) ids.push(key.baseNamespace())
      return ids.sort()
    })
  }

  /**
   * Undefined when it is there no more.
   *
   * @throws {MailboxStorageError}
   * @throws {MalformedError} when what is there is no letter
   */
  async get(id: string): Promise<SealedLetter | undefined> {
    try {
      return decodeLetter(await this.#init.datastore.get(keyOf(id)))
    } catch (error) {
      const { name } = error as Error
      if (name === 'NotFoundError') return undefined
      if (name === 'MalformedError') throw error
      throw new MailboxStorageError('the outbox cannot be read', { cause: error })
    }
  }

  /** @throws {MailboxStorageError} */
  async has(id: string): Promise<boolean> {
    return await this.#storing(() => this.#init.datastore.has(keyOf(id)))
  }

  /** @throws {MailboxStorageError} */
  async update(id: string, letter: SealedLetter): Promise<void> {
    await this.#storing(async () => {
      // who discarded it meanwhile has it back no more
      if (await this.#init.datastore.has(keyOf(id))) await this.#init.datastore.put(keyOf(id), encodeLetter(letter))
    })
  }

  /**
   * @returns false when it was there no more
   * @throws {MailboxStorageError}
   */
  async remove(id: string): Promise<boolean> {
    return await this.#storing(async () => {
      const there = await this.#init.datastore.has(keyOf(id))
      if (there) await this.#init.datastore.delete(keyOf(id))
      return there
    })
  }

  /**
   * Takes out a letter that was confirmed, and leaves word of it until `sweep`.
   *
   * @throws {MailboxStorageError}
   */
  async settle(id: string, confirmedBy: readonly string[]): Promise<void> {
    const { datastore } = this.#init
    this.#settled.set(id, performance.now())
    // without room for that it is still done with
    await this.#storing(() => datastore.put(new Key(SETTLED + id), new TextEncoder().encode(confirmedBy.join()))).catch(
      () => {}
    )
    await this.remove(id)
  }

  /** Who confirmed a letter that was settled lately: PeerIds. */
  async settled(id: string): Promise<string[] | undefined> {
    try {
      return new TextDecoder().decode(await this.#init.datastore.get(new Key(SETTLED + id))).split(',')
    } catch {
      return undefined
    }
  }

  /** Forgets letters that were settled: not those of the last minute, nor one that was not taken out yet. */
  async sweep(): Promise<void> {
    const now = performance.now()
    for (const [id, at] of this.#settled) if (at < now - TOLD) this.#settled.delete(id)
    const kept = new Set([...this.#settled.keys(), ...(await this.ids())])
    await this.#storing(async () => {
      const keys: Key[] = []
      for await (const key of this.#init.datastore.queryKeys({ prefix: SETTLED })) keys.push(key)
      for (const key of keys) if (!kept.has(key.baseNamespace())) await this.#init.datastore.delete(key)
    })
  }

  async #storing<T>(act: () => Promise<T> | T): Promise<T> {
    try {
      return await act()
    } catch (cause) {
      throw new MailboxStorageError('the outbox cannot be kept', { cause })
    }
  }
}

const keyOf = (id: string): Key => new Key(PREFIX + id)

const sizeOf = (id: string): number => Number(id.split('-')[1]) || 0
