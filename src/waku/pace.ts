import * as FIGURES from '../limits/figures.js'
import type { RateLimits, StatusOptions } from '../wire/packet/status.js'

/** Clocks and networks jitter: so much more time is left between packets than the peer asks for. */
const MARGIN = 1.1

/** Keeps what is sent to a peer below what it announced that it takes in a second (6/WAKU1, rate limits). */
export class Pace {
  readonly #now: () => number
  #packets = Number.POSITIVE_INFINITY
  #bytes = Number.POSITIVE_INFINITY
  #next = 0

  /** @param now a clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Takes over what a Status says. Limits by topic are not looked at. */
  follow({ packetLimits, byteLimits }: StatusOptions): void {
    this.#packets = perSecond(packetLimits)
    this.#bytes = perSecond(byteLimits)
    if (this.#packets === Number.POSITIVE_INFINITY && this.#bytes === Number.POSITIVE_INFINITY) this.#next = 0
  }

  /** Most bytes that the peer takes at once. */
  get packetSize(): number {
    return this.#bytes
  }

  /** Ms until the next packet may leave. */
  get wait(): number {
    return Math.max(0, this.#next - this.#now())
  }

  sent(bytes: number): void {
    const pause = Math.max(1000 / this.#packets, (1000 * bytes) / this.#bytes) * MARGIN
    const now = this.#now()
    this.#next = Math.min(Math.max(this.#next, now) + pause, now + FIGURES.pool.longestPause)
  }
}

/** What holds for one peer from one address; 0 is no limit. */
function perSecond({ ip, peer }: Partial<RateLimits> = {}): number {
  return Math.min(ip || Number.POSITIVE_INFINITY, peer || Number.POSITIVE_INFINITY)
}
