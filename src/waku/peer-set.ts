/** A small set of peer slots (0, 1, 2 …): which peers are known to have an envelope. */
export class PeerSet {
  #first = 0
  #rest: number[] | undefined

  has(slot: number): boolean {
    if (slot < 32) return (this.#first & (1 << slot)) !== 0
    return ((this.#rest?.[(slot >>> 5) - 1] ?? 0) & (1 << (slot & 31))) !== 0
  }

  add(slot: number): void {
    if (slot < 32) this.#first |= 1 << slot
    else this.#write(slot, word => word | (1 << (slot & 31)))
  }

  delete(slot: number): void {
    if (slot < 32) this.#first &= ~(1 << slot)
    else if (this.#rest !== undefined) this.#write(slot, word => word & ~(1 << (slot & 31)))
  }

  /** Takes out all that another set holds. */
  deleteAll(others: PeerSet): void {
    this.#first &= ~others.#first
    const rest = this.#rest
    if (rest === undefined || others.#rest === undefined) return
    for (let i = Math.min(rest.length, others.#rest.length) - 1; i >= 0; i--)
      (rest[i] as number) &= ~(others.#rest[i] as number)
  }

  #write(slot: number, change: (word: number) => number): void {
    this.#rest ??= []
    const index = (slot >>> 5) - 1
    while (this.#rest.length <= index) this.#rest.push(0)
    this.#rest[index] = change(this.#rest[index] as number)
  }
}
