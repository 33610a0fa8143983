/** Ids of requests that were given up lately, so that an answer that comes after all is known for what it is. */
export class ExpiredRequests {
  readonly #ids = new Set<string>()
  readonly #capacity: number

  constructor(capacity = 256) {
    this.#capacity = capacity
  }

  add(idHex: string): void {
    this.#ids.add(idHex)
    const [oldest] = this.#ids
    if (this.#ids.size > this.#capacity && oldest !== undefined) this.#ids.delete(oldest)
  }

  has(idHex: string): boolean {
    return this.#ids.has(idHex)
  }
}
