/** Topics that are remembered. */
const MAX_KNOWN = 1 << 16

/** On how many days topics have envelopes, as far as that is known in memory: it changes each time a topic is first heard of on a day. */
export class TopicSpans {
  /** By topic as a signed integer, which a Map finds sooner than a number that does not fit one. */
  readonly #known = new Map<number, number>()
  /** What is not known is nowhere. */
  #all = false

  /** Forgets everything. @param none - the archive has no topic at all */
  reset(none: boolean): void {
    this.#known.clear()
    this.#all = none
  }

  /** Undefined when it has to be read. */
  get(topic: number): number | undefined {
    return this.#known.get(topic | 0) ?? (this.#all ? 0 : undefined)
  }

  set(topic: number, days: number): void {
    if (this.#known.size >= MAX_KNOWN) this.reset(false)
    this.#known.set(topic | 0, days)
  }
}
