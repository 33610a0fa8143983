/** What became of a packet. */
export interface Judgement {
  /** Envelopes that are new. */
  accepted: number
  /**
   * Bytes sent in vain: what does not decode, is refused, ignored or known. A transport reads such a peer more slowly, so that
   * judging garbage leaves time for everybody else.
   */
  wasted: number
}

/** So much is forgotten in a millisecond: 2 MiB a second, about a tenth of what one core can judge. */
const RATE = (2 * 1024 * 1024) / 1000
/** So much nobody has to wait for: mistakes happen, and clocks differ. */
const FREE = 64 * 1024
/** No more is remembered. */
const MOST = 16 * 1024 * 1024

/** What judging one thing costs beside hashing it, in bytes hashed meanwhile. */
export const JUDGEMENT = 1024

/** What is said of something that was sent in vain as a whole. */
export function inVain(body: Uint8Array): Judgement {
  return { accepted: 0, wasted: body.length + JUDGEMENT }
}

/** What was sent lately that was of no use, in bytes; forgotten at a steady rate, so that who sends it is read at that rate. */
export class Waste {
  readonly #now: () => number
  #bytes = 0
  #since = 0

  /** @param now a clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  add(bytes: number): void {
    this.#bytes = Math.min(this.#left() + bytes, MOST)
    this.#since = this.#now()
  }

  /** How long not to read what comes next, ms; 8 s at most. */
  get wait(): number {
    return Math.ceil(Math.max(0, this.#left() - FREE) / RATE)
  }

  #left(): number {
    return Math.max(0, this.#bytes - (this.#now() - this.#since) * RATE)
  }
}
