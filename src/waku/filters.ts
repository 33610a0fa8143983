import type { Logger, PeerId } from '@libp2p/interface'
import { checkBoolean, checkBytes, checkFunction, checkNames, checkTopics } from '../wire/checks.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { OpenedPayload } from '../wire/payload/payload.js'
import type { Counters } from './counters.js'
import { type MessageFilter, type ReceivedMessage, Subscription } from './subscription.js'

/** Brings envelopes, live and historic, to the subscribers whose filters they pass; to each of them once. */
export class Filters {
  readonly #byTopic = new Map<number, Set<Subscription>>()
  readonly #anyTopic = new Set<Subscription>()
  readonly #memory: number
  readonly #counters: Counters
  readonly #log: Logger
  #opener: typeof import('./opener.js') | undefined

  /** @param memory how many hashes each subscriber remembers */
  constructor(parts: { memory: number; counters: Counters; log: Logger }) {
    this.#memory = parts.memory
    this.#counters = parts.counters
    this.#log = parts.log
  }

  /** To be awaited before the first delivery: bundlers keep the cipher apart, so that a page shows itself before it is there. */
  async load(): Promise<void> {
    this.#opener = await import('./opener.js')
  }

  /**
   * @returns ends the subscription
   * @throws {TypeError} when a topic, the key or the signer has the wrong length, or a signer is asked for without a key
   */
  subscribe(filter: MessageFilter, onMessage: (message: ReceivedMessage) => unknown): () => void {
    checkFunction(onMessage, 'a subscriber', TypeError)
    checkNames(filter, 'a filter', 'topics key signer historic', TypeError)
    if (filter.topics !== undefined) checkTopics(filter.topics, TypeError)
    if (filter.historic !== undefined) checkBoolean(filter.historic, 'historic', TypeError)
    if (filter.key !== undefined) checkBytes(filter.key, 'a symmetric key', TypeError, 32)
    if (filter.key?.every(byte => byte === 0)) throw new TypeError('a symmetric key of zeros is no key')
    if (filter.signer !== undefined) checkBytes(filter.signer, 'a signer', TypeError, 65)
    if (filter.signer !== undefined && filter.key === undefined)
      throw new TypeError('a signer is only known with a key')
    const subscription = new Subscription(filter, onMessage, this.#memory)
    const homes = this.#homes(subscription)
    for (const home of homes) home.add(subscription)
    return () => {
      for (const home of homes) home.delete(subscription)
      for (const topic of subscription.topics ?? []) {
        if (this.#byTopic.get(topic)?.size === 0) this.#byTopic.delete(topic)
      }
    }
  }

  /**
   * Delivers to every subscriber that wants it and has not had it; a subscriber that throws is counted and harms nobody.
   *
   * @returns false when subscribers want it and all of them had it before
   */
  deliver(envelope: Envelope, how: { historic: boolean; peer?: PeerId | undefined }): boolean {
    if (this.#anyTopic.size === 0 && this.#byTopic.size === 0) return true
    const candidates = [...(this.#byTopic.get(envelope.topicNumber) ?? []), ...this.#anyTopic]
    if (candidates.length === 0) return true
    const opened = new Map<string, OpenedPayload | undefined>()
    let wanted = 0
    let delivered = 0
    for (const subscription of candidates) {
      if (how.historic && !subscription.historic) continue
      if (subscription.has(envelope.hashHex)) {
        wanted++
        continue
      }
      const message: ReceivedMessage = { envelope, topic: envelope.topic, historic: how.historic, peer: how.peer }
      if (subscription.key !== undefined) {
        const content = this.#open(envelope, subscription, opened)
        if (content === undefined || !subscription.wantsSigner(content.signer)) continue
        message.payload = content.payload
        message.signer = content.signer
      }
      wanted++
      delivered++
      this.#hand(subscription, message)
    }
    this.#counters.add('messages_delivered', delivered)
    return wanted === 0 || delivered > 0
  }

  #homes(subscription: Subscription): Array<Set<Subscription>> {
    if (subscription.topics === undefined) return [this.#anyTopic]
    return [...subscription.topics].map(topic => {
      const home = this.#byTopic.get(topic) ?? new Set()
      this.#byTopic.set(topic, home)
      return home
    })
  }

  /** Decrypts once per key, however many subscribers have it. */
  #open(
    envelope: Envelope,
    { key, keyId }: Subscription,
    opened: Map<string, OpenedPayload | undefined>
  ): OpenedPayload | undefined {
    if (key === undefined || keyId === undefined) return undefined
    if (opened.has(keyId)) return opened.get(keyId)
    const content = this.#opener?.openEnvelope(envelope, key)
    opened.set(keyId, content)
    return content
  }

  #hand(subscription: Subscription, message: ReceivedMessage): void {
    const failed = (err: unknown): void => {
      this.#counters.add('subscriber_errors')
      this.#log.error('a subscriber failed - %e', err as Error)
    }
    try {
      const result = subscription.deliver(message)
      if (result instanceof Promise) result.catch(failed)
    } catch (err) {
      failed(err)
    }
  }
}
