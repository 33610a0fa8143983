import type { AppendOutcome, Archive } from '../archive/archive.js'
import type { Tally } from '../base/tally.js'
import type { EnvelopeStore } from '../waku/store-batch.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { topicNumber } from '../wire/envelope/topic.js'
import { RefusalCode } from '../wire/packet/confirmation.js'
import { MAX_PACKED_ENVELOPE } from '../wire/packet/messages.js'
import type { MailserverEvent } from './counters.js'

/** What one append to the archive was. */
export interface AppendMeasure {
  envelopes: number
  /** Until it was on disk. */
  seconds: number
}

export interface TopicStoreInit {
  archive: Archive
  tally: Tally<MailserverEvent>
  /** 4 bytes each; absent: all topics. */
  topics?: Uint8Array[] | undefined
  /** What of a topic is deleted at once when it was sent before a time, at the time `now`; Unix seconds. Absent: nothing is. */
  floor?: ((topic: number, now: number) => number) | undefined
  /** Told of every append: what it failed by, or nothing. */
  onStored?: ((error: Error | undefined, append: AppendMeasure) => void) | undefined
}

/** Puts what the base node accepted into the archive, all of it or only some topics. */
export class TopicStore implements EnvelopeStore {
  readonly #archive: Archive
  readonly #tally: Tally<MailserverEvent>
  #topics: ReadonlySet<number> | undefined
  readonly #floor: TopicStoreInit['floor']
  readonly #onStored: TopicStoreInit['onStored']

  constructor(init: TopicStoreInit) {
    this.#archive = init.archive
    this.#tally = init.tally
    this.#topics = init.topics && new Set(init.topics.map(topicNumber))
    this.#floor = init.floor
    this.#onStored = init.onStored
  }

  /** Keeps only these topics from now on, 4 bytes each; all when absent. */
  keep(topics: Uint8Array[] | undefined): void {
    this.#topics = topics && new Set(topics.map(topicNumber))
  }

  /** Refuses what retention would delete at once, and what could never be delivered. */
  refuse(envelope: Envelope, now: number): { code: number; text: string } | undefined {
    if (!this.#wants(envelope)) return undefined
    if (this.#floor !== undefined && envelope.sent < this.#floor(envelope.topicNumber, now)) {
      this.#tally.add('envelopes_too_old')
      return { code: RefusalCode.time, text: 'older than what is kept here' }
    }
    if (envelope.size > MAX_PACKED_ENVELOPE) {
      return { code: RefusalCode.other, text: 'too large to be delivered' }
    }
    return undefined
  }

  /** How many of these topics are not archived; absent when all are, 0 when it cannot be told which are meant. */
  unarchived(topics: readonly Uint8Array[] | undefined): number | undefined {
    const kept = this.#topics
    if (kept === undefined) return undefined
    if (topics === undefined) return 0
    return topics.filter(topic => !kept.has(topicNumber(topic))).length || undefined
  }

  /** One that lies outside the archive's topics counts as known: it is relayed only. */
  async append(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    const wanted = envelopes.filter(envelope => this.#wants(envelope))
    const outcomes = wanted.length === 0 ? [] : await this.#store(wanted)
    this.#tally.add('envelopes_appended', outcomes.filter(outcome => outcome === 'stored').length)
    this.#tally.add('envelopes_outside_topics', envelopes.length - wanted.length)
    if (wanted.length === envelopes.length) return outcomes
    const rest = outcomes.values()
    return envelopes.map(envelope => (this.#wants(envelope) ? (rest.next().value as AppendOutcome) : 'known'))
  }

  watchRemoved(listener: (before: number) => void): () => void {
    return this.#archive.watch({ removed: listener })
  }

  async #store(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    const began = performance.now()
    const measure = (): AppendMeasure => ({ envelopes: envelopes.length, seconds: (performance.now() - began) / 1000 })
    try {
      const outcomes = await this.#archive.append(envelopes)
      this.#onStored?.(undefined, measure())
      return outcomes
    } catch (error) {
      this.#onStored?.(error as Error, measure())
      throw error
    }
  }

  #wants(envelope: Envelope): boolean {
    return this.#topics === undefined || this.#topics.has(envelope.topicNumber)
  }
}
