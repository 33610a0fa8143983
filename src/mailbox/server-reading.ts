import type { HistoryPage } from '../mailclient/history-walk.js'
import { fromHex, MAX_UINT32, toHex } from '../wire/bytes.js'
import type { Coverage } from '../wire/request/coverage.js'
import { RequestErrorCode } from '../wire/request/request-error.js'
import { decodeSequenceCursor, SEQUENCE_CURSOR_BYTES } from '../wire/request/sequence-cursor.js'
import type { Bookmark } from './bookmark.js'
import type { Display } from './display.js'
import type { MailboxMessage, Missing } from './items.js'
import type { LedgerEntry, Part } from './ledger.js'
import { lossesOf } from './losses.js'
import type { ReaderLog } from './reader-log.js'
import { type Comparison, reconcile } from './reconciliation.js'
import type { ServerHistory } from './server-history.js'

export interface ServerReadingParts {
  history: ServerHistory
  /** Of its bookmark. */
  name: string
  log: ReaderLog
  display: Display
  /** Unix seconds. */
  since: number
  /** Whether what is older than the server has anything of counts as lost. */
  whole: boolean
  now: number
}

/** Seconds: an envelope that is dated back may come a day late, where there is nothing better than time to go by. */
const LATE = 86_400

/** Reads everything that one server has and that was not read before, in the way that costs least. */
export class ServerReading {
  /** What it says that it lacks, of what it was asked for. */
  lost: Missing[] = []
  /** The same, without what was told of before. */
  newlyLost: Missing[] = []
  /** Whether it is a legacy server, that cannot say what it lacks. */
  unsaid = false
  /** How many envelopes it claimed to have and did not deliver. */
  withheld = 0
  /** What it was held against had these, and it did not. */
  lacking: LedgerEntry[] = []
  /** Its digest has these; they were not there when all was read that it has. */
  hidden: LedgerEntry[] = []
  /** What it delivered and its digest does not have. */
  denied: Comparison['denied'] = { count: 0, entries: [] }
  readonly #parts: ServerReadingParts
  #before: Bookmark
  /** How many envelopes it has archived behind where it was left, of whatever topics. */
  #behind: number | undefined
  /** How many envelopes its digest counts of all that was asked for. */
  #total: number | undefined
  /** The oldest time that is behind the cursor. */
  #from: number

  constructor(parts: ServerReadingParts) {
    this.#parts = parts
    this.#before = parts.log.bookmark(parts.name)
    this.#from = parts.since
  }

  get #server(): ServerHistory['server'] {
    return this.#parts.history.server
  }

  /** How much of what it has was not read when it broke off. */
  get left(): Pick<Missing, 'count' | 'atMost'> | undefined {
    if (this.#total === undefined) return this.#behind === undefined ? undefined : { atMost: this.#behind }
    const { log, since, history } = this.#parts
    const { all, delivered } = log.ledger.count(since, history.topics, this.#server.peer)
    const most = Math.max(0, this.#total - delivered)
    return { count: Math.max(0, this.#total - all), atMost: Math.min(most, this.#behind ?? most) }
  }

  /** All that is new. */
  async *read(): AsyncGenerator<MailboxMessage, void> {
    const { log, since, history } = this.#parts
    const { cursor, from } = this.#before
    if (history.server.legacy) return yield* this.#byTime()
    try {
      if (cursor !== undefined && from !== undefined && from <= since) {
        this.#from = from
        return yield* this.#ingested(cursor)
      }
    } catch (error) {
      // it has another archive now
      if (!isCursorError(error)) throw error
      this.#from = since
      const { gaps, readAt } = this.#before
      this.#before = { gaps, readAt }
      log.mark(this.#parts.name, this.#before)
    }
    try {
      // from the beginning, or just what differs from what other servers brought
      if (!log.ledger.holdsAny(history.topics)) yield* this.#ingested(undefined)
      // too much differs
      else if (!(yield* this.compare())) yield* this.#ingested(undefined)
    } catch (error) {
      if ((error as Error).name !== 'IngestOrderError') throw error
      history.server.legacy = true
      yield* this.#byTime()
    }
  }

  /**
   * Only what others brought and it does not have, or the other way round.
   *
   * @returns false when so much differs in vain that it was given up
   * @throws {IngestOrderError} for a legacy server
   */
  async *compare(part?: Part): AsyncGenerator<MailboxMessage, boolean> {
    const { history, log, display, since } = this.#parts
    const all = { lower: Math.max(since, log.ledger.floor), upper: MAX_UINT32 }
    const comparing = reconcile(history, log.ledger, part ?? all)
    for (;;) {
      const step = await comparing.next()
      if (step.done === true) {
        const { coverage, cursor, whole } = step.value
        yield* this.#note(step.value)
        // what was not looked at is asked for again the next time
        if (part === undefined && whole) this.#finish(coverage, cursor)
        else this.#weigh(coverage)
        return whole
      }
      yield* display.show(step.value, { historic: true, peer: this.#server.peer })
    }
  }

  /** What speaks against it, looked at once more: something may have been archived since all was read. */
  async *#note({ withheld, denied, lacking, fetched }: Comparison): AsyncGenerator<MailboxMessage, void> {
    const { history, display, since } = this.#parts
    const { cursor, from } = this.#before
    this.withheld += withheld
    this.denied = denied
    this.lacking = lacking
    if (fetched.length === 0 || cursor === undefined || from === undefined || from > since) return
    const hidden = new Map(fetched.map(entry => [toHex(entry.hash), entry]))
    try {
      for await (const page of history.ingested(since, cursor)) {
        for (const { hashHex } of page.envelopes) hidden.delete(hashHex)
        yield* display.show(page.envelopes, { historic: true, peer: page.server })
      }
    } catch (error) {
      // it has another archive now
      if (isCursorError(error)) return
      throw error
    }
    this.hidden = [...hidden.values()]
  }

  async *#ingested(after: string | undefined): AsyncGenerator<MailboxMessage, void> {
    const { history, log, display, since } = this.#parts
    let coverage: Coverage | undefined
    let damaged = 0
    let { cursor } = this.#before
    for await (const page of history.ingested(since, after)) {
      // only of what takes a while it is of use to know how much it is
      if (coverage === undefined && page.coverage?.more === true) this.#countAll()
      coverage = page.coverage ?? coverage
      damaged += page.damaged
      yield* display.show(page.envelopes, { historic: true, peer: page.server })
      cursor = page.cursor
      this.#behind = leftAfter(page)
      // the next page is another thing to wait for
      log.mark(this.#parts.name, { ...this.#before, cursor, from: this.#from })
    }
    if (coverage === undefined) this.unsaid = true
    this.#finish(coverage, cursor)
    if (damaged > 0) this.#lose({ why: 'damaged', from: since, until: this.#parts.now, count: damaged })
  }

  async *#byTime(): AsyncGenerator<MailboxMessage, void> {
    const { history, log, display, since, now } = this.#parts
    const { readAt } = this.#before
    const from = readAt === undefined ? since : Math.max(since, Math.min(readAt, now) - LATE)
    this.unsaid = true
    let damaged = 0
    for await (const page of history.sent({ lower: from, upper: Math.min(now + 60, MAX_UINT32) })) {
      damaged += page.damaged
      yield* display.show(page.envelopes, { historic: true, peer: page.server })
    }
    log.mark(this.#parts.name, { ...this.#before, readAt: now })
    if (damaged > 0) this.#lose({ why: 'damaged', from, until: now, count: damaged })
  }

  /** Beside the walk, which does not wait for it. */
  #countAll(): void {
    const { history, since } = this.#parts
    void history.count(since).then(
      total => {
        this.#total = total
      },
      () => {
        // the walk says what is wrong with the server
      }
    )
  }

  #finish(coverage: Coverage | undefined, cursor: string | undefined): void {
    const { log, now } = this.#parts
    if (coverage !== undefined) this.#weigh(coverage)
    const gaps = coverage?.gaps ?? this.#before.gaps
    log.mark(this.#parts.name, { cursor, from: this.#from, readAt: now, gaps })
  }

  #weigh(coverage: Coverage): void {
    const { since: from, now, whole } = this.#parts
    this.lost = lossesOf(coverage, { from, now, whole: true }, { gaps: [] })
    this.newlyLost = lossesOf(coverage, { from, now, whole }, this.#before)
  }

  #lose(missing: Missing): void {
    this.lost.push(missing)
    this.newlyLost.push(missing)
  }
}

/** From where a page ended to the highest number that was given out. */
function leftAfter({ cursor, coverage }: HistoryPage): number | undefined {
  if (cursor === undefined || coverage === undefined) return undefined
  const { seq } = decodeSequenceCursor(fromHex(cursor.slice(-2 * SEQUENCE_CURSOR_BYTES)))
  return Math.max(0, decodeSequenceCursor(coverage.sequence).seq - seq)
}

function isCursorError(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: number }
  return name === 'HistoryCursorError' || (name === 'RequestError' && code === RequestErrorCode.cursor)
}
