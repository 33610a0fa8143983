/** How many envelopes a topic has. */
export interface TopicCount {
  readonly topic: number
  n: number
  /** Whether the count on disk is lower. */
  behind: boolean
}

/** Some of the counts of topics, in memory. */
export class RecentCounts {
  /** By topic as a signed integer, which a Map finds sooner than a number that does not fit one. */
  readonly #topics = new Map<number, TopicCount>()
  /** What is not here is nowhere. */
  #whole = false

  get size(): number {
    return this.#topics.size
  }

  get(topic: number): TopicCount | undefined {
    return this.#topics.get(topic | 0)
  }

  /** How many that are; undefined when it has to be read. */
  count(topic: number): number | undefined {
    return this.get(topic)?.n ?? (this.#whole ? 0 : undefined)
  }

  set({ topic, n, behind }: Readonly<TopicCount>): void {
    const known = this.get(topic)
    if (known === undefined) {
      this.#topics.set(topic | 0, { topic, n, behind })
    } else {
      known.n = n
      known.behind = behind
    }
  }

  /** Forgets all. @param none - there is no topic at all, so that from here on all are here */
  clear(none = false): void {
    this.#topics.clear()
    this.#whole = none
  }

  /** Those that are not on disk yet. */
  *behind(): Generator<TopicCount> {
    for (const count of this.#topics.values()) if (count.behind) yield count
  }
}
