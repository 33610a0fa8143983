import { envelopeMatchesBloom, isFullBloom } from '../wire/bloom.js'
import type { StatusOptions } from '../wire/status.js'
import { topicNumber } from '../wire/topic.js'

/** Which topics a node wants, as its Status says: topics beat bloom, neither is everything (6/WAKU1). */
export class Interest {
  readonly #topics: Set<number> | undefined
  readonly #bloom: Uint8Array | undefined

  constructor(status: StatusOptions) {
    if (status.topics !== undefined) this.#topics = new Set(status.topics.map(topicNumber))
    else if (status.bloom !== undefined && !isFullBloom(status.bloom)) this.#bloom = status.bloom
  }

  /** @param topic 4 bytes */
  includes(topic: Uint8Array): boolean {
    if (this.#topics !== undefined) return this.#topics.has(topicNumber(topic))
    return this.#bloom === undefined || envelopeMatchesBloom(this.#bloom, topic)
  }
}
