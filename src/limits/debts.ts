export interface DebtRules {
  /** How fast a debt is paid off, bytes in a millisecond. */
  rate: number
  /** What may be owed without waiting, bytes. */
  free: number
  /** Nobody waits longer, ms. */
  longest: number
  /** So many are known; who came to owe something longest ago is forgotten. */
  remembered: number
}

/** What adding up may bring in, ms. */
const ROUNDING = 1e-6

/** What each of many owes, by peer or by address: paid off at a steady rate, by waiting. */
export class Debts {
  readonly #rules: DebtRules
  readonly #now: () => number
  /** When each will have paid, ms; in the order in which they came to owe last. */
  readonly #until = new Map<string, number>()

  /** @param now a clock in milliseconds */
  constructor(rules: DebtRules, now: () => number = () => performance.now()) {
    this.#rules = rules
    this.#now = now
  }

  /** @param share of the rate that it has */
  owe(key: string, bytes: number, share = 1): void {
    const { rate, free, longest, remembered } = this.#rules
    const now = this.#now()
    const until = Math.max(this.#until.get(key) ?? 0, now) + bytes / (rate * share)
    this.#until.delete(key)
    this.#until.set(key, Math.min(until, now + longest + free / rate))
    if (this.#until.size > remembered) this.#until.delete(this.#until.keys().next().value as string)
  }

  /** How long it waits, ms. */
  wait(key: string): number {
    const until = this.#until.get(key)
    // asked for each message of each connection: most owe nothing, and to look at the clock costs more than to look here
    if (until === undefined) return 0
    const { rate, free, longest } = this.#rules
    const wait = Math.ceil(until - this.#now() - free / rate - ROUNDING)
    return Math.min(Math.max(0, wait), longest)
  }

  /** Who waits now, and how long, ms. */
  *waiting(): Generator<[key: string, wait: number]> {
    for (const key of this.#until.keys()) {
      const wait = this.wait(key)
      if (wait > 0) yield [key, wait]
    }
  }

  /** What is owed now beyond nothing, in bytes at the whole rate. */
  owed(key: string): number {
    return Math.max(0, (this.#until.get(key) ?? 0) - this.#now()) * this.#rules.rate
  }

  /** How many owe something, or did so many ms ago: who goes from one to the next owes each little. */
  debtors(ago: number): number {
    const since = this.#now() - ago
    let count = 0
    for (const until of this.#until.values()) if (until > since) count++
    return count
  }
}
