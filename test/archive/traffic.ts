import { type Envelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { topicFromNumber } from '../../src/wire/envelope/topic.js'
import type { Prng } from './prng.js'

const DAY = 86400

/** An envelope that needs no proof of work; `ttl` is part of its identity. */
export function envelopeAt(sent: number, topic: Uint8Array, data: Uint8Array, ttl = 0): Envelope {
  return encodeEnvelope({ expiry: (sent + ttl) >>> 0, ttl, topic, data, nonce: 0n })
}

export interface TrafficOptions {
  count: number
  days: number
  /** Bytes of payload. @default 450 */
  payload?: number
}

/**
 * Envelopes in the order in which a node hears them: `days` days from `FIRST_DAY` on, 5000 topics of which 20 carry 30 % of
 * the traffic.
 */
export class Traffic {
  static readonly firstDay = 1_600_041_600
  readonly hot: Uint8Array[]
  readonly cold: Uint8Array[]
  readonly #prng: Prng
  readonly #options: TrafficOptions

  constructor(prng: Prng, options: TrafficOptions) {
    this.#prng = prng
    this.#options = options
    const topics = Array.from({ length: 5000 }, () => topicFromNumber(prng.uint32()))
    this.hot = topics.slice(0, 20)
    this.cold = topics.slice(20)
  }

  get end(): number {
    return Traffic.firstDay + this.#options.days * DAY - 1
  }

  *batches(size: number): Generator<Envelope[]> {
    const { count, days, payload = 450 } = this.#options
    for (let from = 0; from < count; from += size) {
      yield Array.from({ length: Math.min(size, count - from) }, (_, i) => {
        const sent = Traffic.firstDay + Math.floor(((from + i) / count) * days * DAY)
        const topic = this.#prng.pick(this.#prng.chance(0.3) ? this.hot : this.cold)
        return envelopeAt(sent, topic, this.#prng.bytes(payload), 50)
      })
    }
  }
}
