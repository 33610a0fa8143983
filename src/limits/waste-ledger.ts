import { Waste } from './waste.js'

/** Keys remembered; beyond that the one that wasted something longest ago is forgotten. */
const MAX_KEYS = 4096

/** One entry of a ledger: a `Waste` that outlives what it is used for. */
export type WasteOf = Pick<Waste, 'add' | 'wait'>

/** What each of many sent in vain, by peer or by address, so that a new stream or a new identity does not make a new start. */
export class WasteLedger {
  readonly #byKey = new Map<string, Waste>()

  /** What one of them sent in vain. */
  of(key: string): WasteOf {
    const wait = (): number => this.#byKey.get(key)?.wait ?? 0
    return {
      add: bytes => this.#add(key, bytes),
      get wait() {
        return wait()
      }
    }
  }

  #add(key: string, bytes: number): void {
    const waste = this.#byKey.get(key) ?? new Waste()
    this.#byKey.delete(key)
    this.#byKey.set(key, waste)
    if (this.#byKey.size > MAX_KEYS) this.#byKey.delete(this.#byKey.keys().next().value as string)
    waste.add(bytes)
  }
}
