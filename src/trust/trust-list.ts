import type { ComponentLogger, Logger, PeerId } from '@libp2p/interface'
import { type Datastore, Key } from 'interface-datastore'
import { TypedEventEmitter } from 'main-event'
import { type PeerTarget, targetOf } from '../base/peer-target.js'
import { printable } from '../wire/printable.js'
import { ByteUsage } from './byte-usage.js'
import { TrustEntryError } from './errors.js'
import { decodeEntry, encodeEntry, makeEntry, type TrustEntry, type TrustOptions } from './trust-entry.js'

export interface TrustListInit {
  datastore: Datastore
  logger: ComponentLogger
  /**
   * The clock, Unix seconds.
   *
   * @default the system's
   */
  now?: (() => number) | undefined
  /**
   * How long used bytes may wait before they are written, in ms.
   *
   * @default 1000
   */
  writeDelay?: number | undefined
}

/** What changed: a peer is trusted from now on, or no longer. */
export interface TrustChange {
  peer: string
  trusted: boolean
}

export interface TrustListEvents {
  change: CustomEvent<TrustChange>
}

const ENTRIES = '/trust/'
const USAGE = '/trust-bytes/'
const WRITE_DELAY = 1000

/**
 * The persisted list of peers that may deliver expired envelopes to us (DoS considerations of 8/WAKU-MAIL). Changes
 * take effect when their promise resolves and are announced by a `change` event; they are on disk by then.
 */
export class TrustList extends TypedEventEmitter<TrustListEvents> {
  readonly #datastore: Datastore
  readonly #now: () => number
  readonly #log: Logger
  readonly #writeDelay: number
  readonly #entries = new Map<string, TrustEntry>()
  /** Records that cannot be read, by name, with what to do about it: they trust nobody, and can be removed. */
  readonly #unreadable = new Map<string, string>()
  readonly #usage = new Map<string, ByteUsage>()
  readonly #unwritten = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Changes follow each other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(init: TrustListInit) {
    super()
    this.#datastore = init.datastore
    this.#now = init.now ?? (() => Date.now() / 1000)
    this.#log = init.logger.forComponent('waku:trust')
    this.#writeDelay = init.writeDelay ?? WRITE_DELAY
  }

  /**
   * Reads what is stored, before anything else; may be called again. A record that cannot be read trusts nobody, and is told by
   * `unreadable`.
   */
  async load(): Promise<void> {
    for await (const { key, value } of this.#datastore.query({ prefix: ENTRIES })) {
      const name = key.toString().slice(ENTRIES.length)
      try {
        const entry = decodeEntry(name, value)
        this.#entries.set(entry.peer, entry)
      } catch (err) {
        this.#unreadable.set(name, (err as Error).message)
        this.#log.error('%s', (err as Error).message)
      }
    }
    for await (const { key, value } of this.#datastore.query({ prefix: USAGE })) {
      const usage = this.#usageOf(value)
      if (usage !== undefined && usage.total(this.#now()) > 0) this.#usage.set(key.baseNamespace(), usage)
      else await this.#datastore.delete(key)
    }
  }

  /** Of each record that could not be read, what to do about it, in a line. */
  get unreadable(): string[] {
    return [...this.#unreadable.values()]
  }

  /** Of what cannot be read nothing counts: the record goes, and a budget is whole again. */
  #usageOf(value: Uint8Array): ByteUsage | undefined {
    try {
      return ByteUsage.decode(value)
    } catch (err) {
      this.#log.error('%s', (err as Error).message)
      return undefined
    }
  }

  /** Every entry, also expired ones, by the time it was added. */
  list(): TrustEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.added - b.added).map(entry => ({ ...entry }))
  }

  /** The entry of a peer, also an expired one. */
  get(peer: PeerTarget): TrustEntry | undefined {
    const entry = this.#entries.get(nameOf(peer))
    return entry && { ...entry }
  }

  /** Whether a peer is trusted now. */
  has(peer: PeerTarget): boolean {
    return this.#valid(nameOf(peer)) !== undefined
  }

  /**
   * Trusts a peer from now on; what was said about it before is replaced, bytes it delivered stay counted.
   *
   * @throws {TrustEntryError} when an option is out of range, or for what names no peer
   */
  add(peer: PeerTarget, options: TrustOptions = {}): Promise<TrustEntry> {
    return this.#inTurn(async () => {
      const entry = makeEntry(nameOf(peer), options, this.#now())
      await this.#datastore.put(new Key(ENTRIES + entry.peer), encodeEntry(entry))
      this.#entries.set(entry.peer, entry)
      this.#unreadable.delete(entry.peer)
      this.#changed({ peer: entry.peer, trusted: true })
      return { ...entry }
    })
  }

  /** Trusts a peer no longer; false when it was not on the list. A record that names no peer goes by what it is called. */
  remove(peer: PeerTarget): Promise<boolean> {
    return this.#inTurn(async () => {
      const unreadable = [...this.#unreadable.keys()].find(name => printable(name) === peer)
      const name = unreadable ?? nameOf(peer)
      if (!this.#entries.has(name) && !this.#unreadable.has(name)) return false
      await this.#datastore.delete(new Key(ENTRIES + name))
      this.#entries.delete(name)
      this.#unreadable.delete(name)
      this.#changed({ peer: name, trusted: false })
      return true
    })
  }

  /** Bytes that count against the budget of a peer now. */
  used(peer: PeerId): number {
    return this.#usage.get(peer.toString())?.total(this.#now()) ?? 0
  }

  /**
   * Takes bytes from the budget of a trusted peer. False, and nothing is taken, when they are more than is left or the
   * peer is not trusted.
   */
  spend(peer: PeerId, bytes: number): boolean {
    const name = peer.toString()
    const entry = this.#valid(name)
    if (entry === undefined) return false
    if (entry.bytesPerDay === undefined) return true
    const now = this.#now()
    const usage = this.#usage.get(name) ?? new ByteUsage()
    if (usage.total(now) + bytes > entry.bytesPerDay) return false
    usage.add(bytes, now)
    this.#usage.set(name, usage)
    this.#unwritten.add(name)
    this.#timer ??= setTimeout(() => {
      this.#writeUsage().catch(err => this.#log.error('could not write used bytes - %e', err))
    }, this.#writeDelay)
    return true
  }

  /** Writes what is still to be written. The datastore stays open. */
  async close(): Promise<void> {
    await this.#last.catch(() => {})
    await this.#writeUsage()
  }

  async #writeUsage(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#inTurn(async () => {
      for (const name of [...this.#unwritten]) {
        this.#unwritten.delete(name)
        const usage = this.#usage.get(name)
        if (usage === undefined) continue
        try {
          await this.#datastore.put(new Key(USAGE + name), usage.encode())
        } catch (err) {
          this.#unwritten.add(name)
          throw err
        }
      }
    })
  }

  #valid(name: string): TrustEntry | undefined {
    const entry = this.#entries.get(name)
    if (entry?.expires !== undefined && entry.expires <= this.#now()) return undefined
    return entry
  }

  #changed(change: TrustChange): void {
    // who it is stays out of the log at its default level
    this.#log('a peer is %s; %d on the list', change.trusted ? 'trusted' : 'no longer trusted', this.#entries.size)
    this.#log.trace('%s is %s', change.peer, change.trusted ? 'trusted' : 'no longer trusted')
    this.safeDispatchEvent('change', { detail: change })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work)
    this.#last = result.catch(() => {})
    return result
  }
}

/** @throws {TrustEntryError} */
function nameOf(peer: PeerTarget): string {
  return targetOf(peer, TrustEntryError).peer.toString()
}
