import type { Logger, PeerId } from '@libp2p/interface'
import { anySignal } from '../base/any-signal.js'
import type { Tally } from '../base/tally.js'
import type { TrustList } from '../trust/trust-list.js'
import { StreamRefusedError } from '../waku/mail-errors.js'
import type { MailDialler } from '../waku/mail-exchange.js'
import { Miner } from '../waku/miner.js'
import type { Network } from '../waku/packet-channel.js'
import type { RecentHashes } from '../waku/recent-hashes.js'
import type { WakuNode } from '../waku/waku-node.js'
import { checkObject } from '../wire/checks.js'
import type { MailClientEvent } from './counters.js'
import { type DigestAsked, digestQuestion, type RangeDigest, rangeDigest } from './digest-query.js'
import { HistoryQueryError, MailClientStoppedError, TrustRevokedError, UntrustedServerError } from './errors.js'
import { type HistoryPlan, type HistoryQuery, planHistory } from './history-query.js'
import { type HistoryPage, HistoryWalk } from './history-walk.js'
import { prefetch } from './prefetch.js'
import type { MailClientSettings } from './settings.js'

export interface HistoriesParts {
  waku: Pick<WakuNode, 'deliverHistoric'>
  trust: TrustList
  tally: Tally<MailClientEvent>
  settings: MailClientSettings
  log: Logger
  /** Ids of requests that were given up lately. */
  expired: RecentHashes
  diallers: ReadonlyMap<Network, MailDialler>
  /** Aborted when the client stops; undefined while it is stopped. */
  running(): AbortSignal | undefined
  /** Told of each history that failed. */
  report(peer: PeerId, error: unknown): void
}

/** The histories that a client asks for, from a query to its last page. */
export class Histories {
  readonly #parts: HistoriesParts
  readonly #miner: Miner
  /** Histories under way, by server. */
  readonly #open = new Map<string, number>()

  constructor(parts: HistoriesParts) {
    this.#parts = parts
    this.#miner = new Miner(parts.log)
  }

  stop(): void {
    this.#miner.stop()
  }

  /** See `MailClient.history`. */
  async *history(query: HistoryQuery): AsyncGenerator<HistoryPage, void> {
    const { windowPages, windowBytes: size } = this.#parts.settings
    // the one that is asked for early is one of the window
    const count = Math.max(1, windowPages - 1)
    const plan = this.#plan(query)
    const { walk, end } = this.#begin(query, plan)
    try {
      yield* prefetch(walk.pages(), { isFull: held => held.length >= count || bytesOf(held) >= size })
    } catch (error) {
      const open = this.#open.get(plan.server.toString()) ?? 0
      this.#parts.report(plan.server, error)
      throw error instanceof StreamRefusedError && open > 1 ? tooMany(open, error) : error
    } finally {
      end()
    }
  }

  /** See `MailClient.digest`. */
  async digest(asked: DigestAsked): Promise<RangeDigest> {
    checkObject(asked, 'a query', HistoryQueryError)
    const { parts, by, salt, ...query } = asked
    const question = digestQuestion({ parts, by, salt })
    const plan = this.#plan(query)
    const { walk, end } = this.#begin(query, { ...plan, order: 'time', cursor: undefined, digest: question })
    try {
      return rangeDigest(await walk.digest(), question, plan)
    } catch (error) {
      this.#parts.report(plan.server, error)
      throw error
    } finally {
      end()
    }
  }

  #plan(query: HistoryQuery): HistoryPlan {
    if (this.#parts.running() === undefined) throw new MailClientStoppedError('the mail client is not started')
    const plan = planHistory(query, this.#parts.settings.now())
    query.signal?.throwIfAborted()
    if (!this.#parts.trust.has(plan.server)) {
      throw new UntrustedServerError('the server is not on the trust list: put it there with trust.add(server)')
    }
    return plan
  }

  /** A walk that ends when its server is no longer trusted, and `end`, which gives it up if it is still under way. */
  #begin(query: HistoryQuery, plan: HistoryPlan): { walk: HistoryWalk; end: () => void } {
    const { server } = plan
    const { trust, settings, running } = this.#parts
    const dial = this.#diallerFor(query.network)
    const ended = new AbortController()
    const onTrust = (): void => {
      if (!trust.has(server)) ended.abort(new TrustRevokedError('the server is no longer trusted'))
    }
    trust.addEventListener('change', onTrust)
    const signals = [running(), ended.signal, query.signal].filter(signal => signal !== undefined)
    const walk = new HistoryWalk(
      plan,
      {
        dialect: query.dialect,
        signWith: query.signWith ?? settings.signWith,
        pow: query.pow ?? settings.pow,
        early: settings.windowPages > 1,
        retries: {
          ...settings,
          retries: query.retries ?? settings.retries,
          reconnectTimeout: query.reconnectTimeout ?? settings.reconnectTimeout
        },
        signal: anySignal(signals)
      },
      { ...this.#parts, miner: this.#miner, dial }
    )
    const name = server.toString()
    this.#open.set(name, (this.#open.get(name) ?? 0) + 1)
    const end = (): void => {
      trust.removeEventListener('change', onTrust)
      ended.abort(new Error('the history was given up'))
      const left = (this.#open.get(name) ?? 1) - 1
      if (left === 0) this.#open.delete(name)
      else this.#open.set(name, left)
    }
    return { walk, end }
  }

  #diallerFor(network: Network | undefined): MailDialler {
    const { diallers } = this.#parts
    const name = network ?? (diallers.has('libp2p') ? 'libp2p' : [...diallers.keys()][0])
    const dialler = name && diallers.get(name)
    if (dialler === undefined) throw new HistoryQueryError(`no mailserver can be reached over ${name ?? 'any network'}`)
    return dialler
  }
}

function bytesOf(pages: readonly HistoryPage[]): number {
  return pages.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** The rest of a history that nobody reads to its end holds its stream. */
function tooMany(open: number, cause: Error): StreamRefusedError {
  const before = `${open - 1} ${open === 2 ? 'history of this server is' : 'histories of this server are'} under way here`
  const text = `${before}, and it takes no more at a time: read one to its end, or leave it by break or return()`
  return new StreamRefusedError(text, { cause })
}
