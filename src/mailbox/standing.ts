/** How much one more measurement counts. */
const WEIGHT = 0.3
/** What a server that left out messages has to make up for, in failures. */
const OMISSION = 2

/** How well a server did: which one is asked first. */
export class Standing {
  /** In a row. */
  #failures = 0
  #omissions = 0
  /** Time to the first page, ms. */
  #latency: number | undefined

  succeeded(latency: number): void {
    this.#failures = 0
    this.#latency = this.#latency === undefined ? latency : this.#latency + WEIGHT * (latency - this.#latency)
  }

  failed(): void {
    this.#failures++
  }

  /** Whether, this time, it had all that others have. */
  compared(complete: boolean): void {
    this.#omissions = complete ? Math.max(0, this.#omissions - 1) : this.#omissions + 1
  }

  /** By success and completeness, then by time; what is not known comes first, so that it gets known. */
  static compare(a: Standing, b: Standing): number {
    return a.#faults - b.#faults || (a.#latency ?? 0) - (b.#latency ?? 0)
  }

  get #faults(): number {
    return this.#failures + OMISSION * this.#omissions
  }
}
