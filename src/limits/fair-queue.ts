import type { Origin } from './origin.js'

interface Waiting {
  begin(): void
}

/**
 * Work in turns: so many at a time. Whichever address has waited longest since its last turn is next, and of it whichever peer
 * has: a peer with much to do, or an address with many peers, delays others by one turn only.
 */
export class FairQueue {
  readonly #concurrency: number
  /** By address, then by peer; both in the order of their next turns. */
  readonly #waiting = new Map<string, Map<string, Waiting[]>>()
  #running = 0

  constructor(concurrency: number) {
    this.#concurrency = concurrency
  }

  /** Whether a turn is free. */
  get idle(): boolean {
    return this.#running < this.#concurrency
  }

  /**
   * Does `work` when it is the turn of who asks.
   *
   * @throws the reason of `signal`, when it aborts before the turn came
   */
  async run<T>(origin: Origin, work: () => T | Promise<T>, options: { signal?: AbortSignal } = {}): Promise<T> {
    options.signal?.throwIfAborted()
    if (this.#running >= this.#concurrency) await this.#wait(origin, options.signal)
    else this.#running++
    try {
      return await work()
    } finally {
      this.#running--
      this.#next()
    }
  }

  #wait({ address, peer }: Origin, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        begin: () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        }
      }
      const onAbort = (): void => {
        const peers = this.#waiting.get(address)
        const queue = (peers?.get(peer) ?? []).filter(other => other !== waiting)
        if (queue.length > 0) peers?.set(peer, queue)
        else peers?.delete(peer)
        if (peers?.size === 0) this.#waiting.delete(address)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      const peers = this.#waiting.get(address) ?? new Map<string, Waiting[]>()
      this.#waiting.set(address, peers)
      const queue = peers.get(peer)
      if (queue === undefined) peers.set(peer, [waiting])
      else queue.push(waiting)
    })
  }

  #next(): void {
    for (const [address, peers] of this.#waiting) {
      for (const [peer, queue] of peers) {
        const next = queue.shift() as Waiting
        // to the end of both lines, with what else they wait for
        this.#waiting.delete(address)
        peers.delete(peer)
        if (queue.length > 0) peers.set(peer, queue)
        if (peers.size > 0) this.#waiting.set(address, peers)
        this.#running++
        next.begin()
        return
      }
    }
  }
}
