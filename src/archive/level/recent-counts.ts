/** How many envelopes a topic has on a day. */
export interface TopicCount {
  readonly day: number
  readonly topic: number
  n: number
  /** Whether the count on disk is lower. */
  behind: boolean
}

/** Some of the counts of topics by day, in memory; of days that began since the last `clear`, all. */
export class RecentCounts {
  /** By day, then by topic: as a signed integer, which a Map finds sooner than a number that does not fit one. */
  readonly #days = new Map<number, Map<number, TopicCount>>()
  readonly #whole = new Set<number>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(day: number, topic: number): TopicCount | undefined {
    return this.#days.get(day)?.get(topic | 0)
  }

  /** How many that are; undefined when it has to be read. */
  count(day: number, topic: number): number | undefined {
    return this.get(day, topic)?.n ?? (this.#whole.has(day) ? 0 : undefined)
  }

  /** Of a day that had nothing until now all is kept from here on: what is not here need not be looked for on disk. */
  begin(day: number): void {
    this.#whole.add(day)
  }

  set({ day, topic, n, behind }: Readonly<TopicCount>): void {
    let topics = this.#days.get(day)
    if (topics === undefined) {
      topics = new Map()
      this.#days.set(day, topics)
    }
    const known = topics.get(topic | 0)
    if (known === undefined) {
      topics.set(topic | 0, { day, topic, n, behind })
      this.#size++
    } else {
      known.n = n
      known.behind = behind
    }
  }

  clear(): void {
    this.#days.clear()
    this.#whole.clear()
    this.#size = 0
  }

  /** Those that are not on disk yet. */
  *behind(): Generator<TopicCount> {
    for (const topics of this.#days.values()) for (const count of topics.values()) if (count.behind) yield count
  }
}
