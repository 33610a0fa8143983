import type { RangeDigest } from '../mailclient/digest-query.js'
import { writeCursor } from '../mailclient/history-cursor.js'
import type { HistoryQuery } from '../mailclient/history-query.js'
import type { HistoryPage } from '../mailclient/history-walk.js'
import type { MailClient } from '../mailclient/mail-client.js'
import { MAX_UINT32 } from '../wire/bytes.js'
import { topicNumber } from '../wire/envelope/topic.js'
import { MAX_DIGEST_PARTS } from '../wire/request/digest.js'
import type { Part, TopicSet } from './ledger.js'
import type { Server } from './server.js'

export interface ServerHistoryParts {
  client: Pick<MailClient, 'history' | 'digest'>
  server: Server
  topics: Uint8Array[]
  /** There are others that can be asked instead: no use to wait for this one. */
  hasty: boolean
  signal: AbortSignal
}

/** The history of some topics at one server, by either order, and digests of it. */
export class ServerHistory {
  readonly server: Server
  readonly topics: TopicSet
  readonly #parts: ServerHistoryParts

  constructor(parts: ServerHistoryParts) {
    this.server = parts.server
    this.topics = new Set(parts.topics.map(topicNumber))
    this.#parts = parts
  }

  /**
   * All that was archived after a cursor, whatever the clocks say: upper bounds would leave out what is dated ahead of a clock that
   * is behind, for ever.
   */
  async *ingested(from: number, cursor: string | undefined): AsyncGenerator<HistoryPage, void> {
    yield* this.#history({ from, to: MAX_UINT32, order: 'ingest', coverage: true, cursor })
  }

  /** What was sent in a part, in the order of time. */
  async *sent({ lower, upper }: Part, options: { coverage?: boolean } = {}): AsyncGenerator<HistoryPage, void> {
    yield* this.#history({ from: lower, to: upper, ...options })
  }

  /** @param parts - how many, 1 to 64 */
  async digest({ lower, upper }: Part, parts: number = MAX_DIGEST_PARTS): Promise<RangeDigest> {
    const { client } = this.#parts
    return await client.digest({
      ...(await this.#query()),
      from: lower,
      to: upper,
      parts,
      by: 'count'
    })
  }

  /** How many envelopes it has of what was sent since a time. */
  async count(from: number): Promise<number> {
    const { client } = this.#parts
    const { parts } = await client.digest({ ...(await this.#query()), from, to: MAX_UINT32, retries: 0 })
    return parts.reduce((sum, { count }) => sum + count, 0)
  }

  /** Where what was archived up to a digest ends. */
  cursorAfter({ coverage }: RangeDigest): string {
    return writeCursor(this.server.peer, coverage.sequence)
  }

  async *#history(
    query: Pick<HistoryQuery, 'from' | 'to' | 'order' | 'coverage' | 'cursor'>
  ): AsyncGenerator<HistoryPage, void> {
    const { network, dialect, standing } = this.server
    const began = performance.now()
    let first = true
    const whole = { ...(await this.#query()), ...query, network, dialect }
    for await (const page of this.#parts.client.history(whole)) {
      if (first) standing.succeeded(performance.now() - began)
      first = false
      yield page
    }
  }

  async #query(): Promise<Omit<HistoryQuery, 'from'>> {
    const { topics, hasty, signal } = this.#parts
    return {
      server: this.server.target,
      topics,
      requestKey: await this.server.requestKey(),
      signal,
      ...(hasty && { retries: 0, reconnectTimeout: 0 })
    }
  }
}
