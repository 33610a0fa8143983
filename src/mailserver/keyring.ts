import type { ComponentLogger, Logger, PeerId } from '@libp2p/interface'
import { type Datastore, Key } from 'interface-datastore'
import { type PeerTarget, targetOf } from '../base/peer-target.js'
import * as FIGURES from '../limits/figures.js'
import { checkNames, checkString } from '../wire/checks.js'
import { keyFromPassword } from '../wire/envelope/key.js'
import { KeyExistsError, KeyringError } from './errors.js'
import { checkKey, checkName, decodeEntry, encodeEntry, type KeyEntry } from './key-entry.js'

export interface KeyringInit {
  datastore: Datastore
  logger: ComponentLogger
  /**
   * The clock, Unix seconds.
   *
   * @default the system's
   */
  now?: (() => number) | undefined
}

/** What is shown of a key: never the key. */
export type KeyInfo = Omit<KeyEntry, 'key'>

const PREFIX = '/keys/'

/**
 * The named symmetric keys that requests are decrypted with (8/WAKU-MAIL: "encrypted with a symmetric key agreed
 * between Mailserver and Requester"). Derived when added, never per request; persisted; changed at run time.
 */
export class Keyring {
  readonly #datastore: Datastore
  readonly #log: Logger
  readonly #now: () => number
  readonly #entries = new Map<string, KeyEntry>()
  /** Names of records that cannot be read: they open nothing, and can be removed. */
  readonly #unreadable = new Set<string>()
  /** Not persisted; a name may stand here and there, so that no stored key keeps the node from starting. */
  readonly #lent = new Map<string, KeyEntry>()
  readonly #bound = new Map<string, Uint8Array[]>()
  #unbound: Uint8Array[] = []
  /** Changes follow each other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(init: KeyringInit) {
    this.#datastore = init.datastore
    this.#log = init.logger.forComponent('waku:keyring')
    this.#now = init.now ?? (() => Date.now() / 1000)
  }

  /**
   * Reads what is stored, before anything else; may be called again.
   *
   * @throws {KeyRecordError} of the first record that cannot be read, when all others are: they are in use then
   */
  async load(): Promise<void> {
    let unreadable: Error | undefined
    for await (const { key, value } of this.#datastore.query({ prefix: PREFIX })) {
      const name = key.baseNamespace()
      try {
        this.#entries.set(name, decodeEntry(name, value))
      } catch (err) {
        this.#unreadable.add(name)
        unreadable ??= err as Error
      }
    }
    this.#index()
    if (unreadable !== undefined) throw unreadable
  }

  list(): KeyInfo[] {
    const infos = this.#all().map(({ key: _, ...info }) => info)
    return infos.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /**
   * Takes a key into use, on disk when it resolves.
   *
   * @param key 32 bytes
   * @param options.peer binds it: tried for this peer only, and no unbound key is tried for it any more
   * @throws {KeyExistsError}
   * @throws {KeyringError} for a bad name, key or option, or when there are 16 unbound ones, or 16 of that peer
   */
  add(name: string, key: Uint8Array, options: { peer?: PeerTarget | undefined } = {}): Promise<KeyInfo> {
    return this.#inTurn(async () => {
      // a misspelt peer would open everybody's requests
      checkNames(options, 'what is said of a key', 'peer', KeyringError)
      const peer = options.peer && targetOf(options.peer, KeyringError).peer.toString()
      checkName(name)
      if (this.#entries.has(name) || this.#lent.has(name))
        throw new KeyExistsError(`there is a key named ${name} already: remove it first, or choose another name`)
      this.#check(key, peer)
      const entry: KeyEntry = { name, key: key.slice(), peer, added: Math.floor(this.#now()) }
      await this.#datastore.put(new Key(PREFIX + name), encodeEntry(entry))
      this.#entries.set(name, entry)
      this.#unreadable.delete(name)
      this.#index()
      this.#log('a key was added; %d on the ring', this.#all().length)
      const { key: _, ...info } = entry
      return info
    })
  }

  /**
   * The same with a password, from which the key is derived once.
   *
   * @throws {KeyExistsError}
   * @throws {KeyringError}
   */
  async addPassword(name: string, password: string, options: { peer?: PeerTarget | undefined } = {}): Promise<KeyInfo> {
    checkName(name)
    checkString(password, 'a password', KeyringError, { filled: true })
    return this.add(name, await keyFromPassword(password), options)
  }

  /**
   * Takes a key into use until it is taken back; nothing is written. For keys that the owner keeps elsewhere.
   *
   * @returns takes it back
   * @throws {KeyExistsError}
   * @throws {KeyringError} for a bad name or key, or when there are 16 unbound ones
   */
  lend(name: string, key: Uint8Array): () => void {
    if (this.#lent.has(name))
      throw new KeyExistsError(`there is a key named ${name} already: remove it first, or choose another name`)
    checkName(name)
    this.#check(key, undefined)
    const entry: KeyEntry = { name, key: key.slice(), peer: undefined, added: Math.floor(this.#now()) }
    this.#lent.set(name, entry)
    this.#index()
    return () => {
      if (this.#lent.get(name) !== entry) return
      this.#lent.delete(name)
      this.#index()
    }
  }

  /** Takes a key out of use; false when there is none of that name. */
  remove(name: string): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#entries.has(name) || this.#unreadable.has(name)) {
        await this.#datastore.delete(new Key(PREFIX + name))
        this.#entries.delete(name)
        this.#unreadable.delete(name)
      } else if (!this.#lent.delete(name)) return false
      this.#index()
      this.#log('a key was removed; %d on the ring', this.#all().length)
      return true
    })
  }

  /** The keys to try for a peer: those bound to it, or else the unbound ones. */
  keysFor(peer: PeerId): readonly Uint8Array[] {
    return this.#bound.get(peer.toString()) ?? this.#unbound
  }

  #all(): KeyEntry[] {
    return [...this.#entries.values(), ...this.#lent.values()]
  }

  #check(key: Uint8Array, peer: string | undefined): void {
    checkKey(key)
    if (this.#entries.size >= FIGURES.request.keys.all)
      throw new KeyringError(`a keyring holds at most ${FIGURES.request.keys.all} keys`)
    if (peer === undefined && this.#unbound.length >= FIGURES.request.keys.unbound) {
      throw new KeyringError(
        `at most ${FIGURES.request.keys.unbound} keys may be unbound; bind this one to a peer, or remove another`
      )
    }
    if (peer !== undefined && (this.#bound.get(peer)?.length ?? 0) >= FIGURES.request.keys.perPeer) {
      throw new KeyringError(`at most ${FIGURES.request.keys.perPeer} keys may be bound to one peer`)
    }
  }

  #index(): void {
    this.#bound.clear()
    this.#unbound = []
    for (const { key, peer } of this.#all()) {
      if (peer === undefined) this.#unbound.push(key)
      else this.#bound.set(peer, [...(this.#bound.get(peer) ?? []), key])
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work)
    this.#last = result.catch(() => {})
    return result
  }
}
