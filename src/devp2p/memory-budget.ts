/** Bytes that all connections of a node share for what is too large to be granted to each of them. */
export class MemoryBudget {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(bytes: number) {
    this.#free = bytes
  }

  take(bytes: number): boolean {
    if (bytes > this.#free) return false
    this.#free -= bytes
    return true
  }

  give(bytes: number): void {
    this.#free += bytes
    for (const retry of [...this.#waiting]) {
      this.#waiting.delete(retry)
      retry()
    }
  }

  /** Calls `retry` once, when something was given back. */
  wait(retry: () => void): void {
    this.#waiting.add(retry)
  }

  leave(retry: () => void): void {
    this.#waiting.delete(retry)
  }
}
