import type { Envelope } from '../wire/envelope/envelope.js'

export interface TopicTraffic {
  topic: Uint8Array
  envelopes: number
  bytes: number
}

/** So many are counted at a time; whoever is met when the table is full takes over the count of the least. */
const MOST = 512

/** Which topics most envelopes were stored of since the start. Counts of those that are not busy may be too high. */
export class BusyTopics {
  readonly #traffic = new Map<number, TopicTraffic>()

  /** To be told of what is stored. */
  readonly stored = (envelopes: readonly Envelope[]): void => {
    for (const { topicNumber, topic, size } of envelopes) {
      const known = this.#traffic.get(topicNumber) ?? this.#enter(topicNumber, topic)
      known.envelopes++
      known.bytes += size
    }
  }

  /** The busiest first. */
  top(count: number): TopicTraffic[] {
    return [...this.#traffic.values()].sort((a, b) => b.envelopes - a.envelopes).slice(0, count)
  }

  #enter(number: number, topic: Uint8Array): TopicTraffic {
    const fresh: TopicTraffic = { topic: topic.slice(), envelopes: 0, bytes: 0 }
    if (this.#traffic.size >= MOST) {
      let least: [number, TopicTraffic] | undefined
      for (const entry of this.#traffic)
        if (least === undefined || entry[1].envelopes < least[1].envelopes) least = entry
      if (least !== undefined) {
        this.#traffic.delete(least[0])
        fresh.envelopes = least[1].envelopes
        fresh.bytes = least[1].bytes
      }
    }
    this.#traffic.set(number, fresh)
    return fresh
  }
}
