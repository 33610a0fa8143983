import { envelopeMatchesBloom, isFullBloom } from '../wire/envelope/bloom.js'
import { topicFromNumber, topicNumber } from '../wire/envelope/topic.js'
import type { StatusOptions } from '../wire/packet/status.js'

/** Which topics a node wants, as its Status says: topics beat bloom, neither is everything (6/WAKU1). */
export class Interest {
  /** Ascending. */
  readonly #topics: Uint32Array | undefined
  readonly #bloom: Uint8Array | undefined
  readonly #everything: boolean

  constructor({ topics, bloom }: Pick<StatusOptions, 'topics' | 'bloom'>) {
    if (topics !== undefined) this.#topics = Uint32Array.from(topics, topicNumber).sort()
    else if (bloom !== undefined) this.#bloom = bloom.slice()
    this.#everything = topics === undefined && (bloom === undefined || isFullBloom(bloom))
  }

  /** As a Status has it. */
  get options(): Pick<StatusOptions, 'topics' | 'bloom'> {
    if (this.#topics !== undefined) return { topics: Array.from(this.#topics, topicFromNumber) }
    return this.#bloom === undefined ? {} : { bloom: this.#bloom }
  }

  /** @param topic 4 bytes */
  includes(topic: Uint8Array): boolean {
    if (this.#everything) return true
    if (this.#topics !== undefined) return holds(this.#topics, topicNumber(topic))
    return this.#bloom !== undefined && envelopeMatchesBloom(this.#bloom, topic)
  }
}

function holds(ascending: Uint32Array, number: number): boolean {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as number) < number) low = middle + 1
    else high = middle
  }
  return ascending[low] === number
}
