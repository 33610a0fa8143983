import * as FIGURES from '../limits/figures.js'
import type { Origin } from '../limits/origin.js'
import { RequestError, RequestErrorCode } from '../wire/request/request-error.js'

/**
 * How many requests may be under way, in all and of one peer; and one address never has more of them than there are places
 * left, so that however many its peers are, others find one. There is no limit per time: the next page of a history is
 * always admitted when the last one is done and the server has room.
 */
export class Admission {
  readonly #max: number
  readonly #maxPerPeer: number
  readonly #perPeer = new Map<string, number>()
  readonly #perAddress = new Map<string, number>()
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
  enter({ peer, address }: Origin): () => void {
    if (count(this.#perPeer, peer) >= this.#maxPerPeer) throw busy('too many requests of yours are under way')
    const left = this.#max - this.#total
    if (left <= 0) throw busy('too many requests are under way')
    const mine = count(this.#perAddress, address)
    if (mine > 0 && mine + 1 >= left) throw busy('too many requests from your address are under way')
    this.#add(peer, address, 1)
    let over = false
    return () => {
      if (!over) this.#add(peer, address, -1)
      over = true
    }
  }

  #add(peer: string, address: string, change: 1 | -1): void {
    this.#total += change
    add(this.#perPeer, peer, change)
    add(this.#perAddress, address, change)
  }
}

function count(counts: Map<string, number>, key: string): number {
  return counts.get(key) ?? 0
}

function add(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const now = count(counts, key) + change
  if (now === 0) counts.delete(key)
  else counts.set(key, now)
}

/** @param retryAfter seconds */
export function busy(text: string, retryAfter: number = FIGURES.request.retryAfter): RequestError {
  return new RequestError(RequestErrorCode.busy, text, { retryAfter })
}
