/**
 * Bytes that all connections of a node share for what is too large to be granted to each of them. Whoever has some gets
 * more only while as much as that stays free, so that one address, however many its peers are, leaves some to others.
 */
export class MemoryBudget {
  #free: number
  readonly #taken = new Map<string, number>()
  readonly #waiting = new Set<() => void>()

  constructor(bytes: number) {
    this.#free = bytes
  }

  /** For a message that is to be received. */
  take(bytes: number, address: string): boolean {
    const taken = this.#taken.get(address) ?? 0
    if (this.#free - bytes < (taken === 0 ? 0 : taken + bytes)) return false
    this.#book(bytes, address)
    return true
  }

  /**
   * For one that was received and turns out to be larger. One at a time may take more than there is: if all had to wait for
   * each other, none would ever give anything back.
   */
  takeMore(bytes: number, address: string): boolean {
    if (this.#free < 0) return false
    this.#book(bytes, address)
    return true
  }

  give(bytes: number, address: string): void {
    this.#free += bytes
    const taken = (this.#taken.get(address) ?? 0) - bytes
    if (taken > 0) this.#taken.set(address, taken)
    else this.#taken.delete(address)
    for (const retry of [...this.#waiting]) {
      this.#waiting.delete(retry)
      retry()
    }
  }

  #book(bytes: number, address: string): void {
    this.#free -= bytes
    this.#taken.set(address, (this.#taken.get(address) ?? 0) + bytes)
  }

  /** Calls `retry` once, when something was given back. */
  wait(retry: () => void): void {
    this.#waiting.add(retry)
  }

  leave(retry: () => void): void {
    this.#waiting.delete(retry)
  }
}
