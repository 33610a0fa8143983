/**
 * The ids of requests that were served, each remembered until its envelope is too old to be taken again. Never forgets
 * one earlier: when there is no room, the request has to wait.
 */
export class ServedRequests {
  readonly #byEnd = new Map<number, Set<string>>()
  readonly #capacity: number
  #size = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /**
   * @param id 32 bytes
   * @param end Unix seconds after which the request is too old; the same whenever it is asked about the same id
   */
  has(id: Uint8Array, end: number): boolean {
    return this.#byEnd.get(end)?.has(textOf(id)) ?? false
  }

  /** Remembers an id: `known` when it was remembered before, `full` when there is no room. */
  claim(id: Uint8Array, end: number, now: number): 'fresh' | 'known' | 'full' {
    if (this.has(id, end)) return 'known'
    let ids = this.#byEnd.get(end)
    if (ids === undefined || this.#size >= this.#capacity) this.#sweep(now)
    if (this.#size >= this.#capacity) return 'full'
    ids ??= new Set()
    this.#byEnd.set(end, ids)
    ids.add(textOf(id))
    this.#size++
    return 'fresh'
  }

  #sweep(now: number): void {
    for (const [end, ids] of this.#byEnd) {
      if (end >= now) continue
      this.#byEnd.delete(end)
      this.#size -= ids.size
    }
  }
}

/** One byte a character: half of what hexadecimal takes. */
function textOf(id: Uint8Array): string {
  return String.fromCharCode(...id)
}
