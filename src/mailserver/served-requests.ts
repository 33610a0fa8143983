/**
 * The ids of requests that were served, each remembered until its envelope is too old to be taken again. Never forgets
 * one earlier: when there is no room, the request has to wait. No address takes more of it than it leaves to others.
 */
export class ServedRequests {
  /** By when they are too old: the ids, and the address that each came from. */
  readonly #byEnd = new Map<number, Map<string, string>>()
  readonly #perAddress = new Map<string, number>()
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
  claim(id: Uint8Array, end: number, now: number, address: string): 'fresh' | 'known' | 'full' {
    if (this.has(id, end)) return 'known'
    let ids = this.#byEnd.get(end)
    if (ids === undefined || !this.#hasRoom(address)) this.#sweep(now)
    if (!this.#hasRoom(address)) return 'full'
    ids ??= new Map()
    this.#byEnd.set(end, ids)
    ids.set(textOf(id), address)
    this.#count(address, 1)
    return 'fresh'
  }

  #hasRoom(address: string): boolean {
    const free = this.#capacity - this.#size
    const mine = this.#perAddress.get(address) ?? 0
    return free > 0 && (mine === 0 || mine < free)
  }

  #count(address: string, change: 1 | -1): void {
    this.#size += change
    const count = (this.#perAddress.get(address) ?? 0) + change
    if (count === 0) this.#perAddress.delete(address)
    else this.#perAddress.set(address, count)
  }

  #sweep(now: number): void {
    for (const [end, ids] of this.#byEnd) {
      if (end >= now) continue
      this.#byEnd.delete(end)
      for (const address of ids.values()) this.#count(address, -1)
    }
  }
}

/** One byte a character: half of what hexadecimal takes. */
function textOf(id: Uint8Array): string {
  return String.fromCharCode(...id)
}
