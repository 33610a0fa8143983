import type { PeerId } from '@libp2p/interface'
import { anySignal } from '../base/any-signal.js'
import { turnIsOver } from '../base/loop-turn.js'
import { pause } from '../base/pause.js'
import * as FIGURES from '../limits/figures.js'
import type { MailDialler, MailLine } from '../waku/mail-exchange.js'
import type { WakuNode } from '../waku/waku-node.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { Coverage, CoverageAnswer } from '../wire/request/coverage.js'
import { encodeCursor } from '../wire/request/cursor.js'
import { RequestError } from '../wire/request/request-error.js'
import { HistoryTimeoutError, IngestOrderError, MisbehavingServerError } from './errors.js'
import { type HistoryCursor, writeCursor } from './history-cursor.js'
import type { HistoryPlan } from './history-query.js'
import type { PageAnswer } from './page-answer.js'
import { coverageOf, sequenceOf } from './page-extensions.js'
import { type JudgedPage, judgePage } from './page-judge.js'
import { IngestOrder, type Position } from './page-order.js'
import { askFor, type PageQuestion, type QuestionOptions } from './page-question.js'
import { PageRequest, type PageRequestParts } from './page-request.js'
import { Retries, type RetriesInit } from './retries.js'
import type { StreamedHistory } from './streamed-history.js'

/** A page of history: complete, every envelope held against the request. */
export interface HistoryPage {
  server: PeerId
  /** In the server's order; those of a server that sends without pages, from old to new. May be empty. */
  envelopes: Envelope[]
  /**
   * Hand it to a later query of the same server, range, filter and order. In the order of time it is there exactly when the
   * server has more; in ingest order always: what is archived later comes after it.
   */
  cursor?: HistoryCursor | undefined
  /** What may be missing, where that was asked for; a legacy server does not say. */
  coverage?: Coverage | undefined
  /** Hash of the request envelope, 32 bytes. */
  requestId: Uint8Array
  /** Envelopes that were dropped since they were not asked for. */
  foreign: number
  /** So many envelopes, at least, belong into the page and are damaged on the server's disk: it left them out. */
  damaged: number
  /** What the page took on the wire, without frames. */
  bytes: number
}

export interface HistoryWalkParts extends PageRequestParts {
  waku: Pick<WakuNode, 'deliverHistoric'>
  dial: MailDialler
}

export interface WalkOptions extends QuestionOptions {
  /** Ask for the next page before the last one is judged. */
  early: boolean
  retries: RetriesInit
  signal: AbortSignal
}

/** An answer with what it is held against. */
interface Fetched {
  answer: PageAnswer
  rules: PageQuestion['rules']
}

/** Goes through the pages of a history at one server, on one line as long as it holds. */
export class HistoryWalk {
  readonly #plan: HistoryPlan
  readonly #options: WalkOptions
  readonly #parts: HistoryWalkParts
  /** Once a server is asked that sends without pages. */
  #streamed: StreamedHistory | undefined
  #line: MailLine | undefined
  /** There was a line. */
  #reached = false
  #position: Position
  readonly #ingest: IngestOrder | undefined
  #left: number
  #fruitless = 0
  #over = false

  constructor(plan: HistoryPlan, options: WalkOptions, parts: HistoryWalkParts) {
    this.#plan = plan
    this.#options = options
    this.#parts = parts
    this.#position = { after: plan.cursor, direction: 0 }
    this.#ingest = plan.order === 'ingest' ? new IngestOrder() : undefined
    this.#left = plan.limit
  }

  /**
   * One page after the other; each was delivered to the filters when it is yielded. The next one can be asked for before
   * this one is judged, so that client and server work at the same time.
   */
  async *pages(): AsyncGenerator<HistoryPage, void> {
    let finished = false
    try {
      let asked = this.#fetch(this.#plan.cursor, this.#left)
      for (;;) {
        const { answer, rules } = await asked
        const { next, coverage, last } = this.#endOf(answer)
        const early = this.#early(answer, next)
        const judged = await judgePage(answer, { ...rules, position: this.#position, ingest: this.#ingest })
        const page = { ...(await this.#accept(answer, judged, next)), ...(coverage && { coverage }) }
        finished = last || this.#left === 0
        // a server that is slow to end its side holds the last page up no longer
        if (finished) this.#line?.close().catch(() => {})
        else this.#advance(answer, judged, rules)
        yield page
        if (finished) return
        asked = early ?? this.#fetch(next, this.#left)
      }
    } finally {
      this.#over = true
      if (!finished) this.#drop(new Error('the history was given up'))
    }
  }

  /**
   * The digest of the plan's range, with the coverage beside it.
   *
   * @throws as `pages` does
   */
  async digest(): Promise<CoverageAnswer> {
    try {
      const { answer } = await this.#fetch(undefined, this.#left)
      const said = answer.complete && coverageOf(answer.complete)
      if (said === undefined) throw new IngestOrderError('the server makes no digests')
      if (answer.count > 0) throw new MisbehavingServerError('limit', 'envelopes came in place of a digest')
      return said
    } finally {
      this.#over = true
      this.#line?.close().catch(() => {})
    }
  }

  /** Where this page ended, what its completion says besides, and whether nothing comes after it. */
  #endOf({ complete, count }: PageAnswer): { next?: Uint8Array | undefined; coverage?: Coverage; last: boolean } {
    if (complete === undefined) return { last: true }
    const coverage = this.#plan.coverage ? coverageOf(complete)?.coverage : undefined
    const ingest = this.#plan.order === 'ingest'
    const next = ingest ? sequenceOf(complete, this.#position.after, count) : complete.cursor
    const last = ingest ? count === 0 || coverage?.more === false : next === undefined
    return { next, ...(coverage && { coverage }), last }
  }

  /** The next page, if it can be asked for whatever becomes of this one. */
  #early({ count }: PageAnswer, next: Uint8Array | undefined): Promise<Fetched> | undefined {
    const left = this.#left - count
    if (!this.#options.early || next === undefined || count === 0 || left <= 0) return undefined
    const early = this.#fetch(next, left)
    // it is awaited later, unless this page turns out to be wrong
    early.catch(() => {})
    return early
  }

  async #accept(
    { requestId, bytes, complete }: PageAnswer,
    { envelopes, foreign, beside, position }: JudgedPage,
    next: Uint8Array | undefined
  ): Promise<HistoryPage> {
    const { tally, waku } = this.#parts
    const { server } = this.#plan
    // a form that cannot name a limit brings more
    const cut = envelopes.length > this.#left
    const wanted = cut ? envelopes.slice(0, this.#left) : envelopes
    const last = wanted.at(-1)
    tally.add('pages')
    tally.add('envelopes', wanted.length)
    tally.add('envelopes_foreign', foreign)
    tally.add('envelopes_beside', beside)
    const damaged = complete?.damaged ?? 0
    tally.add('envelopes_damaged', damaged)
    for (const envelope of wanted) {
      waku.deliverHistoric(envelope, server)
      // each is opened for whoever subscribed, and a browser has more to do
      if (turnIsOver()) await pause()
    }
    this.#left -= wanted.length
    if (this.#plan.order === 'ingest') this.#position = { after: next, direction: 0 }
    const end = this.#plan.order === 'ingest' ? next : position?.after
    const after = cut && last !== undefined ? encodeCursor(last.sent, last.hash) : end
    return {
      server,
      envelopes: wanted,
      cursor: after && writeCursor(server, after),
      requestId,
      foreign,
      damaged,
      bytes
    }
  }

  #advance({ count }: PageAnswer, { envelopes, position }: JudgedPage, { streamed }: PageQuestion['rules']): void {
    if (position !== undefined) this.#position = position
    // its windows come to an end, and there are times without messages
    if (streamed) return
    if (count === 0) throw new MisbehavingServerError('empty-pages', 'an empty page claims that more exists')
    this.#fruitless = envelopes.length === 0 ? this.#fruitless + 1 : 0
    if (this.#fruitless > FIGURES.asking.fruitless) {
      throw new MisbehavingServerError('empty-pages', 'page after page brings nothing that was asked for')
    }
  }

  /** One page, asked for again when the line breaks. */
  async #fetch(after: Uint8Array | undefined, left: number): Promise<Fetched> {
    const { tally } = this.#parts
    const { signal } = this.#options
    const limit = Math.min(this.#plan.pageSize, left)
    const retries = new Retries(this.#options.retries)
    let gaveUp = false
    for (;;) {
      const kept = this.#line
      let question: PageQuestion | undefined
      let request: PageRequest | undefined
      try {
        this.#line = kept ?? (await this.#dial())
        this.#reached = true
        question = await this.#question({ after, limit }, this.#line)
        request = new PageRequest(this.#line, question, this.#parts)
        const answer = await request.run(signal)
        return {
          answer: question.rules.streamed ? (this.#streamed?.took(answer) ?? answer) : answer,
          rules: question.rules
        }
      } catch (error) {
        const lost = this.#reached && this.#line === undefined
        if (!(error instanceof RequestError)) this.#drop(error as Error)
        // nobody waits for a page that was asked for early
        if (this.#over) throw error
        signal.throwIfAborted()
        const instead = this.#afterFailure(error, question, request)
        if (typeof instead === 'object') return instead
        // servers end a line that lies idle while a page is consumed, and lose one when they go on with what we gave up
        const ended =
          (kept !== undefined || gaveUp) && (error as Error).name === 'LineBrokenError' && request?.packets === 0
        gaveUp = instead
        if (!gaveUp && !ended) await retries.wait(error, { signal, lost })
        tally.add('requests_retried')
      }
    }
  }

  async #question(page: { after: Uint8Array | undefined; limit: number }, line: MailLine): Promise<PageQuestion> {
    const question = askFor(page, this.#plan, this.#options, line)
    if (!question.rules.streamed) return question
    if (this.#streamed === undefined) {
      const { StreamedHistory } = await import('./streamed-history.js')
      this.#streamed = new StreamedHistory(this.#plan, this.#parts.settings.maxRequestBytes)
    }
    return this.#streamed.ask(question, page.after)
  }

  /** The page all the same, or whether another request is to be made for it, for reasons that are no failure of the line. */
  #afterFailure(
    error: unknown,
    question: PageQuestion | undefined,
    request: PageRequest | undefined
  ): Fetched | boolean {
    const answer = request?.answer
    if (question?.rules.streamed !== true || answer === undefined || this.#streamed === undefined) return false
    const instead = this.#streamed.failed(error, answer)
    return typeof instead === 'object' ? { answer: instead, rules: question.rules } : instead
  }

  async #dial(): Promise<MailLine> {
    const { settings, dial } = this.#parts
    const expired = new AbortController()
    const error = new HistoryTimeoutError(`no line to the server within ${settings.dialTimeout} ms`)
    const timer = setTimeout(() => expired.abort(error), settings.dialTimeout)
    try {
      const { server, address } = this.#plan
      return await dial(server, { address, signal: anySignal([this.#options.signal, expired.signal]) })
    } finally {
      clearTimeout(timer)
    }
  }

  #drop(reason: Error): void {
    this.#line?.abort(reason)
    this.#line = undefined
  }
}
