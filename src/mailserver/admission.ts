import { RequestError, RequestErrorCode } from '../wire/request-error.js'

/** Seconds after which a refused request is worth sending again. */
const RETRY_AFTER = 2

/**
 * How many requests may be under way, in all and of one peer. There is no limit per time: the next page of a history
 * is always admitted when the last one is done and the server has room.
 */
export class Admission {
  readonly #max: number
  readonly #maxPerPeer: number
  readonly #perPeer = new Map<string, number>()
  #total = 0

  constructor(limits: { max: number; maxPerPeer: number }) {
    this.#max = limits.max
    this.#maxPerPeer = limits.maxPerPeer
  }

  /** Requests under way. */
  get total(): number {
    return this.#total
  }

  /**
   * @returns ends the request
   * @throws {RequestError} busy
   */
  enter(peer: string): () => void {
    const mine = this.#perPeer.get(peer) ?? 0
    if (mine >= this.#maxPerPeer) throw busy('too many requests of yours are under way')
    if (this.#total >= this.#max) throw busy('too many requests are under way')
    this.#total++
    this.#perPeer.set(peer, mine + 1)
    let left = false
    return () => {
      if (left) return
      left = true
      this.#total--
      const rest = (this.#perPeer.get(peer) ?? 1) - 1
      if (rest === 0) this.#perPeer.delete(peer)
      else this.#perPeer.set(peer, rest)
    }
  }
}

/** @param retryAfter seconds */
export function busy(text: string, retryAfter: number = RETRY_AFTER): RequestError {
  return new RequestError(RequestErrorCode.busy, text, { retryAfter })
}
