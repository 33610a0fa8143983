import type { PeerId } from '@libp2p/interface'
import type { MailDialler, MailLine } from '../waku/mail-exchange.js'
import type { Waku } from '../waku/waku.js'
import { envelopeMatchesBloom } from '../wire/bloom.js'
import { DIALECTS } from '../wire/dialect.js'
import type { Envelope } from '../wire/envelope.js'
import type { Dialect, HistoryRequest } from '../wire/history-request.js'
import { RequestError } from '../wire/request-error.js'
import { CannotContinueError, HistoryQueryError, HistoryTimeoutError, MisbehavingServerError } from './errors.js'
import { type HistoryCursor, writeCursor } from './history-cursor.js'
import type { HistoryPlan } from './history-query.js'
import type { Position } from './page-order.js'
import { type PageQuestion, PageRequest, type PageRequestParts } from './page-request.js'
import { Retries } from './retries.js'

/** A page of history: complete, every envelope held against the request. */
export interface HistoryPage {
  server: PeerId
  /** In the server's order. May be empty. */
  envelopes: Envelope[]
  /** There exactly when the server has more: hand it to a later query of the same server, range and filter. */
  cursor?: HistoryCursor | undefined
  /** Hash of the request envelope, 32 bytes. */
  requestId: Uint8Array
  /** Envelopes that were dropped since they were not asked for. */
  foreign: number
  /** What the page took on the wire, without frames. */
  bytes: number
}

export interface HistoryWalkParts extends PageRequestParts {
  waku: Waku
  dial: MailDialler
}

export interface WalkOptions {
  dialect: Dialect | undefined
  signWith: Uint8Array | undefined
  pow: number
  signal: AbortSignal
}

/** Pages in a row without a wanted envelope after which a server is not believed any more that there is more. */
const MAX_FRUITLESS = 64

/** Goes through the pages of a history at one server, on one line as long as it holds. */
export class HistoryWalk {
  readonly #plan: HistoryPlan
  readonly #options: WalkOptions
  readonly #parts: HistoryWalkParts
  #line: MailLine | undefined
  #position: Position
  #left: number
  #fruitless = 0

  constructor(plan: HistoryPlan, options: WalkOptions, parts: HistoryWalkParts) {
    this.#plan = plan
    this.#options = options
    this.#parts = parts
    this.#position = { after: plan.cursor, direction: 0 }
    this.#left = plan.limit
  }

  /** One page after the other; each was delivered to the filters when it is yielded. */
  async *pages(): AsyncGenerator<HistoryPage, void> {
    const { waku, tally } = this.#parts
    const { server } = this.#plan
    let finished = false
    try {
      for (;;) {
        const answer = await this.#fetch()
        const { envelopes, foreign, bytes, position } = answer.collector
        const page: HistoryPage = { server, envelopes, requestId: answer.requestId as Uint8Array, foreign, bytes }
        if (position?.after !== undefined) page.cursor = writeCursor(server, position.after)
        tally.add('pages')
        tally.add('envelopes', envelopes.length)
        tally.add('envelopes_foreign', foreign)
        tally.add('envelopes_beside', answer.collector.beside)
        for (const envelope of envelopes) waku.deliverHistoric(envelope, server)
        this.#left -= envelopes.length
        const more = position !== undefined && this.#left > 0
        if (more) this.#advance(answer, position)
        else finished = true
        // the line may lie idle for long while a page is consumed: a finished one is not kept that long
        if (finished) await this.#line?.close()
        yield page
        if (!more) return
      }
    } finally {
      if (!finished) this.#drop(new Error('the history was given up'))
    }
  }

  #advance({ collector }: PageRequest, position: Position): void {
    if (collector.empty) throw new MisbehavingServerError('empty-pages', 'an empty page claims that more exists')
    this.#fruitless = collector.envelopes.length === 0 ? this.#fruitless + 1 : 0
    if (this.#fruitless > MAX_FRUITLESS) {
      throw new MisbehavingServerError('empty-pages', 'page after page brings nothing that was asked for')
    }
    this.#position = position
  }

  /** The next page, asked for again when the line breaks. */
  async #fetch(): Promise<PageRequest> {
    const { settings, tally } = this.#parts
    const { signal } = this.#options
    const retries = new Retries(settings)
    for (;;) {
      const kept = this.#line
      let asked: PageRequest | undefined
      try {
        this.#line = kept ?? (await this.#dial())
        asked = new PageRequest(this.#line, this.#question(this.#line), this.#parts)
        await asked.run(signal)
        return asked
      } catch (error) {
        if (!(error instanceof RequestError)) this.#drop(error as Error)
        // servers end a line that lies idle while a page is consumed
        const ended = kept !== undefined && (error as Error).name === 'LineBrokenError' && asked?.packets === 0
        if (!ended || signal.aborted) await retries.wait(error, signal)
        tally.add('requests_retried')
      }
    }
  }

  async #dial(): Promise<MailLine> {
    const { settings, dial } = this.#parts
    const expired = new AbortController()
    const error = new HistoryTimeoutError(`no line to the server within ${settings.dialTimeout} ms`)
    const timer = setTimeout(() => expired.abort(error), settings.dialTimeout)
    try {
      return await dial(this.#plan.server, { signal: AbortSignal.any([this.#options.signal, expired.signal]) })
    } finally {
      clearTimeout(timer)
    }
  }

  #question({ codec, network }: MailLine): PageQuestion {
    const { lower, upper, topics, bloom, key, wants } = this.#plan
    const { signWith, pow, dialect = codec.defaultDialect } = this.#options
    if (!codec.dialects.includes(dialect)) {
      throw new HistoryQueryError(`such a server is asked in ${codec.dialects.join(', ')}`)
    }
    const traits = DIALECTS[dialect]
    const limit = Math.min(this.#plan.pageSize, this.#left)
    const request: HistoryRequest = { lower, upper, bloom, limit, batch: true }
    if (traits.topics) request.topics = topics
    if (this.#position.after !== undefined) {
      if (!traits.cursor) throw new CannotContinueError(`there is more, but ${dialect} has no place for a cursor`)
      request.cursor = this.#position.after
    }
    return {
      request,
      dialect,
      key,
      signWith,
      pow,
      rules: {
        lower,
        upper,
        limit,
        maxBytes: this.#parts.settings.maxRequestBytes,
        asked: traits.topics ? wants : topic => envelopeMatchesBloom(bloom, topic),
        wants,
        strict: network === 'libp2p',
        position: this.#position
      }
    }
  }

  #drop(reason: Error): void {
    this.#line?.abort(reason)
    this.#line = undefined
  }
}
