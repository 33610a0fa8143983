import { delay } from '../base/delay.js'
import { pause } from '../base/pause.js'
import * as FIGURES from '../limits/figures.js'
import type { Limits } from '../limits/limits.js'
import type { Origin } from '../limits/origin.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { powOf } from '../wire/envelope/pow.js'
import { encodeMessages } from '../wire/packet/messages.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import type { Counters } from './counters.js'
import type { OwnStatus } from './own-status.js'
import type { Pace } from './pace.js'
import type { Pool } from './pool.js'
import type { SeenEnvelope } from './seen-envelopes.js'

/** The peer that a feed serves: what it asks for, and how to send to it. */
export interface FeedTarget {
  readonly slot: number
  readonly origin: Origin
  /** By the newest Status of the peer. */
  wants(envelope: Envelope): boolean
  send(code: number, body: Uint8Array): Promise<void>
  /** What the peer asked to be kept to. */
  readonly pace: Pick<Pace, 'wait' | 'sent' | 'packetSize'>
}

export interface FeedParts {
  pool: Pool
  own: OwnStatus
  counters: Counters
  limits: Limits
  now: () => number
  onStopped: () => void
}

/** What is to be sent next, and whether there is more to look at. */
interface Collected {
  batch: Array<{ entry: SeenEnvelope; envelope: Envelope }>
  more: boolean
}

/** Whether an envelope meets a peer's announced requirement (6/WAKU1). */
export function meetsPow(envelope: Envelope, requirement: number): boolean {
  return requirement <= 0 || powOf(envelope) >= requirement
}

/**
 * Forwards the pool to one peer: what it wants, never back, never twice, never expired. There is no queue: the feed
 * remembers how far it has read, and a peer that is too slow misses what the pool drops meanwhile.
 */
export class Feed {
  readonly #target: FeedTarget
  readonly #parts: FeedParts
  #position = 0
  /** What was in the pool when the peer came, or changed what it wants: up to this position. */
  #old: number
  #running = false
  readonly #stop = new AbortController()
  #rewind = false

  constructor(target: FeedTarget, parts: FeedParts) {
    this.#target = target
    this.#parts = parts
    this.#old = parts.pool.last
  }

  get slot(): number {
    return this.#target.slot
  }

  wake(): void {
    if (this.#running || this.#stop.signal.aborted) return
    this.#running = true
    // what the rest of this packet brings travels in the same batch
    queueMicrotask(() => void this.#run())
  }

  /** The peer wants something else now: at the next tick the pool is offered from its beginning, minus what it has. */
  rewind(): void {
    this.#rewind = true
  }

  tick(): void {
    if (!this.#rewind) return
    this.#rewind = false
    this.#position = 0
    this.#old = this.#parts.pool.last
    this.wake()
  }

  stop(): void {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    this.#parts.onStopped()
  }

  async #run(): Promise<void> {
    const { limits } = this.#parts
    const { origin } = this.#target
    while (!this.#stop.signal.aborted) {
      const old = this.#position < this.#old
      const oldWait = old ? limits.oldWait(origin) : 0
      const wait = Math.max(this.#target.pace.wait, oldWait)
      if (wait > 0) {
        if (oldWait > 0) limits.counts.add('slowed_pool')
        await delay(wait, { signal: this.#stop.signal }).catch(() => {})
        continue
      }
      const { batch, more } = old && this.#isFar ? await limits.pool.run(origin, () => this.#look()) : this.#collect()
      if (batch.length === 0) {
        if (!more) break
        await pause()
        continue
      }
      try {
        const body = encodeMessages(batch.map(({ envelope }) => envelope.raw))
        await this.#target.send(PacketCode.Messages, body)
        this.#target.pace.sent(body.length)
        if (old) limits.oldSent(origin, body.length)
        this.#parts.counters.add('envelopes_forwarded', batch.length)
      } catch {
        for (const { entry } of batch) entry.knownBy.delete(this.#target.slot)
        this.stop()
      }
    }
    this.#running = false
  }

  /** Much has to be looked at. */
  get #isFar(): boolean {
    return this.#parts.pool.last - this.#position > FIGURES.pool.near
  }

  /** Looks through a part of the pool, and rests. */
  async #look(): Promise<Collected> {
    const began = performance.now()
    const found = this.#collect()
    await delay((performance.now() - began) * FIGURES.pool.rest, { signal: this.#stop.signal }).catch(() => {})
    return found
  }

  #collect(): Collected {
    const { pool, own, counters, now: clock } = this.#parts
    const { slot, pace } = this.#target
    const most = Math.min(FIGURES.pool.pack.bytes, pace.packetSize)
    const now = clock()
    if (this.#position > 0 && this.#position < pool.evictedTo) {
      counters.add('forward_overruns', pool.evictedTo - this.#position)
    }
    const batch: Collected['batch'] = []
    let bytes = 0
    let looked = 0
    this.#position = pool.visit(this.#position, (entry, envelope) => {
      if (looked++ >= FIGURES.pool.look) return false
      if (envelope.expiry <= now || entry.knownBy.has(slot)) return true
      if (own.light && !entry.own) return true
      if (!this.#target.wants(envelope)) return true
      if (batch.length > 0 && (bytes + envelope.size > most || batch.length >= FIGURES.pool.pack.envelopes))
        return false
      bytes += envelope.size
      entry.knownBy.add(slot)
      batch.push({ entry, envelope })
      return true
    })
    return { batch, more: this.#position < pool.last }
  }
}
