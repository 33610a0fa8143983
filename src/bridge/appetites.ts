import * as FIGURES from '../limits/figures.js'

const { small, after, remembered } = FIGURES.upstream.appetite

/** What turns of addresses cost lately, so that it is known before the next one who asks for little. */
export class Appetites {
  /** The most that a turn cost, ms, less with each turn after it; who is known for longest is forgotten first. */
  readonly #costs = new Map<string, number>()

  /** What a turn cost, ms. */
  note(address: string, cost: number): void {
    const before = this.#costs.get(address) ?? 0
    this.#costs.delete(address)
    this.#costs.set(address, Math.max(cost, before * after))
    if (this.#costs.size > remembered) this.#costs.delete(this.#costs.keys().next().value as string)
  }

  /** Whether each of its last turns was for little; of a stranger nothing is known. */
  isSmall(address: string): boolean {
    return (this.#costs.get(address) ?? Number.POSITIVE_INFINITY) <= small
  }
}
