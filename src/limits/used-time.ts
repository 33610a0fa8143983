import * as FIGURES from './figures.js'

/**
 * How much time addresses used of what they share, as start-time fair queueing counts it (Goyal, Vin and Cheng, 1996): who comes, or
 * comes back, begins where those are who have used least of it, so that nobody saves up.
 */
export class UsedTime {
  readonly #now: () => number
  /** Up to where each has used it; those that lie behind `#reached` say nothing. */
  readonly #until = new Map<string, number>()
  /** Where the work began that began last. */
  #reached = 0

  /** @param now a clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Of these the one that used least; among equals the first. */
  least(addresses: Iterable<string>): string | undefined {
    let least: string | undefined
    for (const address of addresses) if (least === undefined || this.#at(address) < this.#at(least)) least = address
    return least
  }

  /**
   * Work of an address begins; to be called when it is over, with what it cost where that is known, ms: how long it lasted is
   * mostly what others did meanwhile. What it will take is guessed until then.
   */
  begin(address: string): (cost?: number) => void {
    const { guess } = FIGURES.usedTime
    const began = this.#now()
    this.#reached = this.#at(address)
    this.#until.set(address, this.#reached + guess)
    return cost => {
      const lasted = this.#now() - began
      const used = cost === undefined ? lasted : Math.min(cost, lasted)
      this.#until.set(address, Math.max(0, (this.#until.get(address) ?? this.#reached) - guess + used))
      this.#forget()
    }
  }

  #at(address: string): number {
    return Math.max(this.#until.get(address) ?? 0, this.#reached)
  }

  /** Who lies behind all that is done now says nothing any more; then who is known for longest. */
  #forget(): void {
    const { remembered } = FIGURES.usedTime
    if (this.#until.size <= remembered) return
    for (const [address, until] of this.#until) if (until <= this.#reached) this.#until.delete(address)
    for (const address of this.#until.keys()) {
      if (this.#until.size <= remembered) return
      this.#until.delete(address)
    }
  }
}
