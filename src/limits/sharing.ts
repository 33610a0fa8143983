/** Whether several share something: one came behind another lately. */
export class Sharing {
  readonly #lately: number
  #latest: string | undefined
  #sharedAt = Number.NEGATIVE_INFINITY

  /** @param lately ms */
  constructor(lately: number) {
    this.#lately = lately
  }

  get active(): boolean {
    return performance.now() - this.#sharedAt < this.#lately
  }

  /** Somebody comes. */
  note(who: string): void {
    if (this.#latest !== undefined && this.#latest !== who) this.#sharedAt = performance.now()
    this.#latest = who
  }
}
