/** Ids that were seen within some time, the oldest forgotten first when there are too many. */
export class RecentIds {
  /** When each was seen, ms, in that order. */
  readonly #seen = new Map<string, number>()
  readonly #keep: number
  readonly #capacity: number
  readonly #now: () => number

  /** @param keep ms */
  constructor(keep: number, capacity: number, now: () => number = () => performance.now()) {
    this.#keep = keep
    this.#capacity = capacity
    this.#now = now
  }

  /** Notes an id; false when it was noted before. */
  add(id: string): boolean {
    const now = this.#now()
    for (const [other, at] of this.#seen) {
      if (at > now - this.#keep && this.#seen.size < this.#capacity) break
      this.#seen.delete(other)
    }
    if (this.#seen.has(id)) return false
    this.#seen.set(id, now)
    return true
  }
}
