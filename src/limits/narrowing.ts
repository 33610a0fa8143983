import * as FIGURES from './figures.js'
import { Sharing } from './sharing.js'

const { full, shared } = FIGURES.archive.narrow

/** When a queue lets one in at a time: while several addresses share it, and turns of the event loop are full. */
export class Narrowing {
  readonly #addresses = new Sharing(shared)
  /** When a turn of the event loop was found to be full, ms. */
  #fullAt = Number.NEGATIVE_INFINITY

  get active(): boolean {
    return performance.now() - this.#fullAt < full && this.#addresses.active
  }

  noteAddress(address: string): void {
    this.#addresses.note(address)
  }

  noteFullTurn(): void {
    this.#fullAt = performance.now()
  }
}
