import * as FIGURES from './figures.js'

/** When a queue lets one in at a time: while several addresses share it, and turns of the event loop are full. */
export class Narrowing {
  /** When a turn of the event loop was found to be full, and when an address came after another, ms. */
  #fullAt = Number.NEGATIVE_INFINITY
  #sharedAt = Number.NEGATIVE_INFINITY
  #latest: string | undefined

  get active(): boolean {
    const { full, shared } = FIGURES.archive.narrow
    const now = performance.now()
    return now - this.#fullAt < full && now - this.#sharedAt < shared
  }

  noteAddress(address: string): void {
    if (this.#latest !== undefined && this.#latest !== address) this.#sharedAt = performance.now()
    this.#latest = address
  }

  noteFullTurn(): void {
    this.#fullAt = performance.now()
  }
}
