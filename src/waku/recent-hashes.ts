/**
 * The last so many hashes, as hexadecimal digits. A set of its own order would do, but finding its oldest takes longer with
 * each one that was forgotten.
 */
export class RecentHashes {
  readonly #known = new Set<string>()
  readonly #ring: string[] = []
  readonly #capacity: number
  #oldest = 0

  constructor(capacity: number) {
    this.#capacity = Math.max(1, capacity)
  }

  has(hash: string): boolean {
    return this.#known.has(hash)
  }

  add(hash: string): void {
    if (this.#known.has(hash)) return
    if (this.#ring.length < this.#capacity) this.#ring.push(hash)
    else {
      this.#known.delete(this.#ring[this.#oldest] as string)
      this.#ring[this.#oldest] = hash
      this.#oldest = (this.#oldest + 1) % this.#capacity
    }
    this.#known.add(hash)
  }
}
