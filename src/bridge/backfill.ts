import type { Logger, PeerId } from '@libp2p/interface'
import type { Datastore } from 'interface-datastore'
import type { AppendOutcome } from '../archive/archive.js'
import { delay } from '../base/delay.js'
import type { HistoryQuery } from '../mailclient/history-query.js'
import type { HistoryPage } from '../mailclient/history-walk.js'
import { judgeForm } from '../waku/rules.js'
import type { EnvelopeStore } from '../waku/store-batch.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { acceptablePow } from '../wire/envelope/pow.js'
import { MAX_PACKET } from '../wire/packet/messages.js'
import { RequestError, RequestErrorCode } from '../wire/request/request-error.js'
import { type BackfillLeg, planBackfill } from './backfill-plan.js'
import { BackfillRecords } from './backfill-record.js'

export interface BackfillParts {
  /** Asks a trusted mailserver: `history` of the mail client. */
  history(query: HistoryQuery): AsyncIterable<HistoryPage>
  /** The archive with its owner's choice of topics and retention. */
  store: EnvelopeStore
  /** Where unfinished backfills are remembered. */
  datastore: Datastore
  /** What is asked of envelopes, as of live ones. */
  rules: { pow: number; maxTtl: number }
  log?: Logger | undefined
  /** Unix seconds. @default the system's */
  now?: (() => number) | undefined
}

/** Which history to fetch. Times are Unix seconds, inclusive. */
export interface BackfillQuery extends Omit<HistoryQuery, 'server' | 'limit' | 'cursor' | 'signal'> {
  server: PeerId
  to: number
}

/** Why an envelope was left out. */
export type BackfillRefusal = 'ttl' | 'future' | 'size' | 'pow' | 'retention'

export interface BackfillSummary {
  server: string
  from: number
  to: number
  /** Whether it went on where an earlier run had stopped. */
  resumed: boolean
  /** Whether the server has nothing more of the range. */
  complete: boolean
  pages: number
  /** Envelopes that came. */
  envelopes: number
  /** New ones, now on disk. */
  stored: number
  /** Those that were here before, or lie outside the archive's topics. */
  known: number
  refused: Record<BackfillRefusal, number>
  /** Those, at least, that the server left out since they are damaged on its disk. */
  damaged: number
  bytes: number
}

export interface BackfillProgress extends BackfillSummary {
  /** How much of the range of times is through, 0 to 1. */
  done: number
}

const BATCH = 1000
/** Pages that are stored at the same time, and their bytes: the next ones are judged while the disk has those before. */
const PAGES_UNDER_WAY = 3
const BYTES_UNDER_WAY = 4 * 1024 * 1024
/** An archive that is busy is tried again for half a minute; ms. */
const BUSY_PAUSE = 250
const MAX_ATTEMPTS = 120

/**
 * Fetches history from a trusted mailserver into the archive: each envelope judged as a live one would have been while it
 * lived, each page on disk before the place behind it is noted, so that an interrupted run goes on there. While a page is being stored
 * the next ones come.
 */
export class Backfill {
  readonly #parts: BackfillParts
  readonly #records: BackfillRecords
  readonly #now: () => number

  constructor(parts: BackfillParts) {
    this.#parts = parts
    this.#records = new BackfillRecords(parts.datastore)
    this.#now = parts.now ?? (() => Math.floor(Date.now() / 1000))
  }

  /** @throws what `history` throws, `ArchiveError`, or the signal's reason; what came so far is kept, and its end noted */
  async run(
    query: BackfillQuery,
    options: { signal: AbortSignal; onProgress?: ((progress: BackfillProgress) => void) | undefined }
  ): Promise<BackfillSummary> {
    const { server, topics, from, to, dialect } = query
    const earlier = await this.#records.load(server, topics)
    const legs = planBackfill({ from, to, dialect }, earlier)
    const summary = newSummary(query, legs[0]?.cursor !== undefined || legs[0]?.record.covered !== undefined)
    const walk: Walk = { ...options, latest: undefined }
    for (const leg of legs) await this.#walk(leg, query, summary, walk)
    await this.#records.remove(server, topics)
    summary.complete = true
    return summary
  }

  async #walk(leg: BackfillLeg, query: BackfillQuery, summary: BackfillSummary, walk: Walk): Promise<void> {
    const before = summary.pages
    try {
      await this.#fetch(leg, query, summary, walk)
    } catch (error) {
      const again = summary.pages > before ? undefined : this.#again(leg, walk, error as Error)
      if (again === undefined) throw error
      await this.#fetch(again, query, summary, walk)
    }
  }

  /** What to ask for in place of a leg that brought nothing but this error. */
  #again(leg: BackfillLeg, { latest }: Walk, error: Error): BackfillLeg | undefined {
    // a cursor that the server does not take any more costs only time
    if (error instanceof RequestError && error.code === RequestErrorCode.cursor && leg.cursor !== undefined) {
      this.#parts.log?.trace('a cursor is not taken any more; the range is fetched from its beginning')
      return { ...leg, cursor: undefined }
    }
    // a server that says nothing when it has nothing answers for what it is known to have
    const silent = error.name === 'SilentServerError' && latest !== undefined && latest < leg.from
    return silent ? { ...leg, from: latest } : undefined
  }

  async #fetch(leg: BackfillLeg, query: BackfillQuery, summary: BackfillSummary, walk: Walk): Promise<void> {
    const { server, topics } = query
    const { signal, onProgress } = walk
    const { from, to, cursor } = leg
    await this.#records.save(server, topics, { ...leg.record, cursor })
    const way = new Way(leg)
    const underWay: UnderWay[] = []
    const oldest = async (): Promise<void> => {
      const { page, counts } = underWay[0] as UnderWay
      add(summary, await counts)
      underWay.shift()
      summary.pages++
      summary.envelopes += page.envelopes.length
      summary.bytes += page.bytes
      summary.damaged += page.damaged
      if (page.cursor !== undefined) await this.#records.save(server, topics, { ...leg.record, cursor: page.cursor })
      onProgress?.({ ...summary, done: way.after(page) })
    }
    try {
      for await (const page of this.#parts.history({ ...query, from, to, cursor, signal })) {
        walk.latest = page.envelopes.at(-1)?.sent ?? walk.latest
        const counts = this.#append(page.envelopes, signal)
        counts.catch(() => {}) // told by who awaits it
        underWay.push({ page, counts })
        while (isFull(underWay)) {
          await oldest()
          signal.throwIfAborted()
        }
      }
      while (underWay.length > 0) {
        await oldest()
        signal.throwIfAborted()
      }
    } catch (error) {
      // what was begun is on disk and noted before anybody hears of it; nothing is noted behind what failed
      try {
        while (underWay.length > 0) await oldest()
      } catch {
        await Promise.allSettled(underWay.map(({ counts }) => counts))
      }
      throw error
    }
  }

  async #append(envelopes: readonly Envelope[], signal: AbortSignal): Promise<PageCounts> {
    const counts: PageCounts = { stored: 0, known: 0, refused: noneRefused() }
    const now = this.#now()
    const limits = { maxTtl: this.#parts.rules.maxTtl, maxEnvelopeSize: MAX_PACKET }
    const fit = envelopes.filter(envelope => {
      const refusal = this.#judge(envelope, now, limits)
      if (refusal !== undefined) counts.refused[refusal]++
      return refusal === undefined
    })
    for (let start = 0; start < fit.length; start += BATCH) {
      const batch = fit.slice(start, start + BATCH)
      const outcomes = await this.#store(batch, signal)
      const stored = outcomes.filter(outcome => outcome === 'stored').length
      counts.stored += stored
      counts.known += batch.length - stored
    }
    return counts
  }

  /** What is live goes first when the disk cannot keep up. */
  async #store(batch: Envelope[], signal: AbortSignal): Promise<AppendOutcome[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#parts.store.append(batch)
      } catch (error) {
        if ((error as Error).name !== 'ArchiveBusyError' || attempt >= MAX_ATTEMPTS) throw error
        await delay(BUSY_PAUSE, { signal })
      }
    }
  }

  #judge(envelope: Envelope, now: number, limits: Parameters<typeof judgeForm>[2]): BackfillRefusal | undefined {
    const { rules, store } = this.#parts
    // as of a moment at which it lived
    const unfit = judgeForm(envelope, Math.min(now, envelope.expiry), limits)
    if (unfit !== undefined) return REFUSALS[unfit.counter] ?? 'ttl'
    if (!acceptablePow(envelope, rules.pow)) return 'pow'
    return store.refuse?.(envelope, now) === undefined ? undefined : 'retention'
  }
}

/** What became of the envelopes of a page. */
type PageCounts = Pick<BackfillSummary, 'stored' | 'known' | 'refused'>

/** A page that is being stored. */
interface UnderWay {
  page: HistoryPage
  counts: Promise<PageCounts>
}

function isFull(underWay: readonly UnderWay[]): boolean {
  const bytes = underWay.reduce((sum, { page }) => sum + page.bytes, 0)
  return underWay.length >= PAGES_UNDER_WAY || bytes >= BYTES_UNDER_WAY
}

function add(summary: BackfillSummary, { stored, known, refused }: PageCounts): void {
  summary.stored += stored
  summary.known += known
  for (const why of Object.keys(refused) as BackfillRefusal[]) summary.refused[why] += refused[why]
}

const noneRefused = (): BackfillSummary['refused'] => ({ ttl: 0, future: 0, size: 0, pow: 0, retention: 0 })

/** One run through the legs. */
interface Walk {
  signal: AbortSignal
  onProgress?: ((progress: BackfillProgress) => void) | undefined
  /** `sent` of the last envelope that came, Unix seconds. */
  latest: number | undefined
}

const REFUSALS: Record<string, BackfillRefusal> = {
  refused_ttl: 'ttl',
  refused_future: 'future',
  refused_size: 'size'
}

function newSummary({ server, from, to }: { server: PeerId; from: number; to: number }, resumed: boolean) {
  return {
    server: server.toString(),
    from,
    to,
    resumed,
    complete: false,
    pages: 0,
    envelopes: 0,
    stored: 0,
    known: 0,
    refused: noneRefused(),
    damaged: 0,
    bytes: 0
  }
}

/** How far a walk came; servers go either way through time. */
class Way {
  readonly #from: number
  readonly #to: number
  #first: number | undefined
  #done = 0

  constructor({ from, to }: { from: number; to: number }) {
    this.#from = from
    this.#to = to
  }

  after({ envelopes, cursor }: HistoryPage): number {
    const last = envelopes.at(-1)?.sent
    if (cursor === undefined) return 1
    // a time without messages
    if (last === undefined) return this.#done
    this.#first ??= envelopes[0]?.sent ?? last
    const through = last >= this.#first ? last - this.#from : this.#to - last
    this.#done = Math.min(1, Math.max(0, through / Math.max(1, this.#to - this.#from)))
    return this.#done
  }
}
