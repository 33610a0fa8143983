import * as FIGURES from '../limits/figures.js'
import type { Limits } from '../limits/limits.js'
import type { Counters } from './counters.js'
import { Feed, type FeedTarget } from './feed.js'
import type { OwnStatus } from './own-status.js'
import { Pool } from './pool.js'
import type { SeenEnvelope } from './seen-envelopes.js'
import type { Settings } from './settings.js'

/** Offers accepted envelopes to the peers that want them, each peer at its own pace. */
export class Forwarder {
  readonly pool: Pool
  readonly #feeds = new Set<Feed>()
  readonly #own: OwnStatus
  readonly #settings: Settings
  readonly #counters: Counters
  readonly #limits: Limits
  #early: SeenEnvelope[] = []
  #earlyBytes = 0

  constructor(parts: { own: OwnStatus; settings: Settings; counters: Counters; limits: Limits }) {
    this.#own = parts.own
    this.#settings = parts.settings
    this.#counters = parts.counters
    this.#limits = parts.limits
    this.pool = new Pool(parts.settings.poolEnvelopes, parts.settings.poolBytes)
  }

  /** Starts to offer the pool, and then whatever comes, to a peer that is ready. */
  open(target: FeedTarget): Feed {
    const feed = new Feed(target, {
      pool: this.pool,
      own: this.#own,
      counters: this.#counters,
      limits: this.#limits,
      now: this.#settings.now,
      onStopped: () => this.#feeds.delete(feed)
    })
    this.#feeds.add(feed)
    feed.wake()
    return feed
  }

  /** Takes an envelope for forwarding; `wake` has to follow. One that is dated ahead waits until its time. */
  offer(entry: SeenEnvelope): void {
    const { envelope } = entry
    if (envelope === undefined) return
    if (envelope.sent <= this.#settings.now()) this.#counters.add('pool_evictions', this.pool.add(entry))
    else if (
      this.#early.length < FIGURES.pool.early.envelopes &&
      this.#earlyBytes + envelope.size <= FIGURES.pool.early.bytes
    ) {
      this.#early.push(entry)
      this.#earlyBytes += envelope.size
    } else {
      entry.envelope = undefined
      this.#counters.add('pool_evictions')
    }
  }

  /** Tells every feed that there may be something new. */
  wake(): void {
    for (const feed of this.#feeds) feed.wake()
  }

  /** What was to reach a peer by another way did not: its feed takes it up at the next tick. */
  missed(entry: SeenEnvelope, slot: number): void {
    entry.knownBy.delete(slot)
    for (const feed of this.#feeds) if (feed.slot === slot) feed.rewind()
  }

  /** To be called about once a second. */
  tick(): void {
    if (this.#early.length > 0) {
      const waiting = this.#early
      this.#early = []
      this.#earlyBytes = 0
      for (const entry of waiting) this.offer(entry)
      this.wake()
    }
    for (const feed of this.#feeds) feed.tick()
  }

  forget(entry: SeenEnvelope): void {
    this.pool.remove(entry)
  }
}
