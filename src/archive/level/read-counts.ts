/** Pairs of day and topic that are remembered. */
const MAX_READ = 1 << 15

/**
 * Counts of topics by day as they were read from disk: clients ask for the same days again and again, and each look at the disk is a
 * trip to another thread. A count that changes meanwhile is forgotten.
 */
export class ReadCounts {
  readonly #counts = new Map<number, number>()
  #changes = 0

  /** Undefined when it has to be read. */
  get(day: number, topic: number): number | undefined {
    return this.#counts.get(keyOf(day, topic))
  }

  /** What to hand to `set` with what is read from here on. */
  get version(): number {
    return this.#changes
  }

  /** Keeps what was read, unless anything changed since. */
  set(day: number, topic: number, n: number, version: number): void {
    if (version !== this.#changes) return
    if (this.#counts.size >= MAX_READ) this.#counts.clear()
    this.#counts.set(keyOf(day, topic), n)
  }

  /** What these are is written anew. */
  forget(pairs: Iterable<{ day: number; topic: number }>): void {
    this.#changes++
    for (const { day, topic } of pairs) this.#counts.delete(keyOf(day, topic))
  }

  clear(): void {
    this.#changes++
    this.#counts.clear()
  }
}

function keyOf(day: number, topic: number): number {
  return day * 0x1_0000_0000 + topic
}
