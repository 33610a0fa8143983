import * as FIGURES from '../limits/figures.js'

const { turn, bytes: BYTES, slack } = FIGURES.upstream.cost

/**
 * What a turn at an upstream costs who has it: what came of it, and how long others wait for nothing. The way there and back is not
 * counted, nor what a busy event loop adds: else who asks for ten envelopes would pay as much as who asks for a MiB.
 */
export class TurnCost {
  readonly #upstream: { way: number }
  readonly #now: () => number
  #bytes = 0
  /** Who is waited for, and since when, ms. */
  #for: 'upstream' | 'requester' | undefined
  #since = 0
  readonly #waited = { upstream: 0, requester: 0 }

  /**
   * @param upstream.way the shortest time in which something of an answer came, ms; noted here
   * @param now ms
   */
  constructor(upstream: { way: number }, now: () => number = () => performance.now()) {
    this.#upstream = upstream
    this.#now = now
  }

  /** So far, in ms as `UsedTime` counts. */
  get ms(): number {
    this.#wait(this.#for)
    const { upstream, requester } = this.#waited
    const way = Math.min(this.#upstream.way, upstream)
    return turn + this.#bytes / BYTES + Math.max(0, upstream - way - slack) + requester
  }

  /** How long the requester was waited for, ms. */
  get kept(): number {
    this.#wait(this.#for)
    return this.#waited.requester
  }

  /** From now on the upstream is waited for: the request left, or the requester took what came. */
  ask(): void {
    this.#wait('upstream')
  }

  /** So many bytes came. */
  came(bytes: number): void {
    this.#wait('upstream')
    if (this.#bytes === 0) this.#upstream.way = Math.min(this.#upstream.way, this.#waited.upstream)
    this.#bytes += bytes
  }

  /** From now on the requester is waited for. */
  offer(): void {
    this.#wait('requester')
  }

  #wait(next: 'upstream' | 'requester' | undefined): void {
    const now = this.#now()
    if (this.#for !== undefined) this.#waited[this.#for] += now - this.#since
    this.#for = next
    this.#since = now
  }
}
