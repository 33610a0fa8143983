interface Waiting {
  begin(): void
}

/**
 * Work on the archive and on decryption in turns: so many at a time, and whoever has waited longest since its last turn
 * is next, so that a peer with many requests delays others by one turn only. Sending is no part of a turn: a slow reader
 * holds nobody up.
 */
export class Turns {
  readonly #concurrency: number
  readonly #waiting = new Map<string, Waiting[]>()
  #running = 0

  constructor(concurrency: number) {
    this.#concurrency = concurrency
  }

  /** Whether a turn is free. */
  get idle(): boolean {
    return this.#running < this.#concurrency
  }

  /**
   * Does `work` when it is `owner`'s turn.
   *
   * @throws the reason of `signal`, when it aborts before the turn came
   */
  async run<T>(owner: string, work: () => T | Promise<T>, options: { signal: AbortSignal }): Promise<T> {
    options.signal.throwIfAborted()
    if (this.#running >= this.#concurrency) await this.#wait(owner, options.signal)
    else this.#running++
    try {
      return await work()
    } finally {
      this.#running--
      this.#next()
    }
  }

  #wait(owner: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        begin: () => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        }
      }
      const onAbort = (): void => {
        const queue = (this.#waiting.get(owner) ?? []).filter(other => other !== waiting)
        if (queue.length === 0) this.#waiting.delete(owner)
        else this.#waiting.set(owner, queue)
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      const queue = this.#waiting.get(owner)
      if (queue === undefined) this.#waiting.set(owner, [waiting])
      else queue.push(waiting)
    })
  }

  #next(): void {
    for (const [owner, queue] of this.#waiting) {
      // to the end of the line, with what else it waits for
      this.#waiting.delete(owner)
      const next = queue.shift()
      if (queue.length > 0) this.#waiting.set(owner, queue)
      if (next === undefined) continue
      this.#running++
      next.begin()
      return
    }
  }
}
