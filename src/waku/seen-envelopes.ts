import { turnIsOver } from '../base/loop-turn.js'
import { pause } from '../base/pause.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { PeerSet } from './peer-set.js'
import type { StoreBatch } from './store-batch.js'

/** What the node remembers of an envelope until it expires. */
export class SeenEnvelope {
  readonly hash: string
  readonly expiry: number
  /** Peers that sent it or were sent it. */
  readonly knownBy = new PeerSet()
  /** The envelope while it is kept for forwarding. */
  envelope: Envelope | undefined
  /** Its place in the pool, ascending. */
  position = 0
  /** Posted by this node. */
  own: boolean
  /** On disk (or nothing stores here), not on disk, or on its way there. */
  storage: 'stored' | 'failed' | StoreBatch
  /** The moment of `StoredMemory` since when it is stored. */
  storedAt: number
  /** Peers that sent it when it was known already. */
  #broughtBy: PeerSet | undefined
  /** Expired, or evicted. */
  forgotten = false

  constructor(envelope: Envelope, storage: 'stored' | StoreBatch, options: { storedAt: number; own: boolean }) {
    this.hash = envelope.hashHex
    this.expiry = envelope.expiry
    this.envelope = envelope
    this.storage = storage
    this.storedAt = options.storedAt
    this.own = options.own
  }

  /** Notes that a peer sent it though it was known; whether it did so before. */
  broughtAgain(slot: number): boolean {
    this.#broughtBy ??= new PeerSet()
    const again = this.#broughtBy.has(slot)
    this.#broughtBy.add(slot)
    return again
  }

  /** The peers of these slots are gone, and others may get them. */
  forgetPeers(slots: PeerSet): void {
    this.knownBy.deleteAll(slots)
    this.#broughtBy?.deleteAll(slots)
  }
}

/** So many entries are looked at before it is asked whether everything else is due. */
const LOOK = 256

/** Every envelope that was accepted and has not expired yet, by hash; bounded, the oldest are forgotten first. */
export class SeenEnvelopes {
  readonly #byHash = new Map<string, SeenEnvelope>()
  /** As they came, from `#head` on, and among them some that are forgotten: a Map takes long to find what it holds first. */
  #order: SeenEnvelope[] = []
  #head = 0
  /** All that is in `#order`, by when they expire. */
  #byExpiry = new Map<number, SeenEnvelope[]>()
  readonly #max: number
  readonly #onForgotten: (entry: SeenEnvelope) => void
  #expiredBefore = 0

  /** @param onForgotten told of every entry that expires or is evicted */
  constructor(max: number, onForgotten: (entry: SeenEnvelope) => void) {
    this.#max = max
    this.#onForgotten = onForgotten
  }

  get size(): number {
    return this.#byHash.size
  }

  get(hash: string): SeenEnvelope | undefined {
    return this.#byHash.get(hash)
  }

  /** Returns how many had to be forgotten for it. */
  add(entry: SeenEnvelope): number {
    this.#byHash.set(entry.hash, entry)
    this.#order.push(entry)
    this.#sort(entry)
    let evicted = 0
    while (this.#byHash.size > this.#max) {
      const oldest = this.#order[this.#head++] as SeenEnvelope
      if (oldest.forgotten) continue
      this.#forget(oldest)
      evicted++
    }
    if (this.#order.length > 2 * this.#byHash.size + 1024) this.#compact()
    return evicted
  }

  /** Forgets what is no longer valid at `now` (Unix seconds). */
  expire(now: number): void {
    // usually a second or two have passed; after a jump of the clock, look at what there is
    if (now < this.#expiredBefore || now - this.#expiredBefore > this.#byExpiry.size) {
      for (const expiry of [...this.#byExpiry.keys()]) if (expiry < now) this.#drop(expiry)
    } else {
      for (let expiry = this.#expiredBefore; expiry < now; expiry++) this.#drop(expiry)
    }
    this.#expiredBefore = now
    if (this.#order.length > 2 * this.#byHash.size + 1024) this.#compact()
  }

  /** Frees the slots of peers that went away; while it looks through everything, everything else has its turns. */
  async release(slots: readonly number[]): Promise<void> {
    const gone = new PeerSet()
    for (const slot of slots) gone.add(slot)
    let looked = 0
    for (const entry of this.#byHash.values()) {
      entry.forgetPeers(gone)
      if (++looked % LOOK === 0 && turnIsOver()) await pause()
    }
  }

  #compact(): void {
    this.#order = this.#order.slice(this.#head).filter(entry => !entry.forgotten)
    this.#head = 0
    this.#byExpiry = new Map()
    for (const entry of this.#order) this.#sort(entry)
  }

  #sort(entry: SeenEnvelope): void {
    const bucket = this.#byExpiry.get(entry.expiry)
    if (bucket === undefined) this.#byExpiry.set(entry.expiry, [entry])
    else bucket.push(entry)
  }

  #drop(expiry: number): void {
    const bucket = this.#byExpiry.get(expiry)
    if (bucket === undefined) return
    this.#byExpiry.delete(expiry)
    for (const entry of bucket) if (!entry.forgotten) this.#forget(entry)
  }

  #forget(entry: SeenEnvelope): void {
    entry.forgotten = true
    this.#byHash.delete(entry.hash)
    this.#onForgotten(entry)
  }
}
