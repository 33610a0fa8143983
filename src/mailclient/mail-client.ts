import type { ComponentLogger, Logger, Metrics, PeerId, Startable } from '@libp2p/interface'
import { TypedEventEmitter } from 'main-event'
import { Tally } from '../base/tally.js'
import type { TrustList } from '../trust/trust-list.js'
import type { MailDialler } from '../waku/mail-exchange.js'
import { Miner } from '../waku/miner.js'
import type { Network } from '../waku/packet-channel.js'
import { RecentHashes } from '../waku/recent-hashes.js'
import type { Waku } from '../waku/waku.js'
import { encodeDigestQuestion, equalTimes, MIN_SALT_BYTES } from '../wire/digest.js'
import { decodeEnvelope, type Envelope } from '../wire/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { splitP2PMessage } from '../wire/p2p-message.js'
import { randomBytes } from '../wire/random.js'
import { MAIL_CLIENT_EVENTS, type MailClientEvent } from './counters.js'
import { checkDigest, type DigestAsked, type RangeDigest } from './digest-query.js'
import {
  ByteBudgetError,
  HistoryQueryError,
  MailClientStoppedError,
  MisbehavingServerError,
  type Misbehaviour,
  StreamRefusedError,
  TrustRevokedError,
  UntrustedServerError
} from './errors.js'
import { type HistoryPlan, type HistoryQuery, planHistory } from './history-query.js'
import { type HistoryPage, HistoryWalk } from './history-walk.js'
import { prefetch } from './prefetch.js'
import { type MailClientInit, type MailClientSettings, settle } from './settings.js'

/** Requests given up whose ids are remembered. */
const EXPIRED = 256

export interface MailClientComponents {
  waku: Waku
  trust: TrustList
  logger: ComponentLogger
  metrics?: Metrics | undefined
}

/** A server broke its word, or used up its byte budget. */
export interface ServerReport {
  peer: PeerId
  reason: Misbehaviour | 'budget'
}

export interface MailClientEvents {
  report: CustomEvent<ServerReport>
}

/** Fetches history from trusted mailservers (8/WAKU-MAIL), of any network that has a dialler. */
export class MailClient extends TypedEventEmitter<MailClientEvents> implements Startable {
  readonly tally: Tally<MailClientEvent>
  readonly #waku: Waku
  readonly #trust: TrustList
  readonly #log: Logger
  readonly #settings: MailClientSettings
  readonly #miner: Miner
  readonly #expired = new RecentHashes(EXPIRED)
  readonly #diallers = new Map<Network, MailDialler>()
  /** Histories under way, by server. */
  readonly #open = new Map<string, number>()
  #stopped: AbortController | undefined

  constructor(components: MailClientComponents, init: MailClientInit = {}) {
    super()
    this.#waku = components.waku
    this.#trust = components.trust
    this.#log = components.logger.forComponent('waku:mailclient')
    this.#settings = settle(init)
    this.#miner = new Miner(this.#log)
    this.tally = new Tally(
      MAIL_CLIENT_EVENTS,
      { name: 'waku_mailclient_events_total', help: 'What the mail client did' },
      components.metrics
    )
  }

  readonly [Symbol.toStringTag] = 'mailclient'

  start(): void {
    this.#stopped ??= new AbortController()
  }

  /** Gives up what is under way. */
  stop(): void {
    this.#stopped?.abort(new MailClientStoppedError('the mail client stopped'))
    this.#stopped = undefined
    this.#miner.stop()
  }

  /** Transports say how they open a line to a mailserver. */
  addDialler(network: Network, dialler: MailDialler): void {
    this.#diallers.set(network, dialler)
  }

  /**
   * The history that a trusted mailserver has, page by page: each is complete and checked when it is yielded, and its
   * envelopes went through the filters, marked as historic. The next pages are fetched while one is consumed. It ends
   * without an error only when there is no more, or `limit` is reached. Leaving early cancels.
   *
   * @throws {UntrustedServerError}
   * @throws {HistoryQueryError}
   * @throws {HistoryCursorError}
   * @throws {CannotContinueError}
   * @throws {IngestOrderError} when the server does not know that order
   * @throws {RequestError} what the server refused, by its code
   * @throws {MisbehavingServerError}
   * @throws {ByteBudgetError}
   * @throws {TrustRevokedError}
   * @throws {HistoryTimeoutError}
   * @throws {LineBrokenError}
   * @throws {ServerUnreachableError}
   * @throws {StreamRefusedError}
   * @throws {MailClientStoppedError}
   */
  async *history(query: HistoryQuery): AsyncGenerator<HistoryPage, void> {
    const { windowPages, windowBytes: size } = this.#settings
    // the one that is asked for early is one of the window
    const count = Math.max(1, windowPages - 1)
    const plan = this.#plan(query)
    const { walk, end } = this.#begin(query, plan)
    try {
      yield* prefetch(walk.pages(), { count, size, sizeOf: page => page.bytes })
    } catch (error) {
      const open = this.#open.get(plan.server.toString()) ?? 0
      this.#report(plan.server, error)
      throw error instanceof StreamRefusedError && open > 1 ? tooMany(open, error) : error
    } finally {
      end()
    }
  }

  /**
   * Count and fingerprint of the envelopes that a trusted mailserver has of a range, in parts, and what may be missing there;
   * none of them is sent. For comparing servers with each other, or with what one has.
   *
   * @throws {IngestOrderError} when the server makes none
   * @throws as `history` does
   */
  async digest({
    parts = 1,
    by = 'time',
    salt = randomBytes(MIN_SALT_BYTES),
    ...query
  }: DigestAsked): Promise<RangeDigest> {
    const plan = this.#plan(query)
    try {
      encodeDigestQuestion({ salt, parts, by })
    } catch (cause) {
      throw new HistoryQueryError((cause as Error).message, { cause })
    }
    if (parts === 0) throw new HistoryQueryError('a digest has 1 to 64 parts')
    const { walk, end } = this.#begin(query, { ...plan, order: 'time', cursor: undefined, digest: { salt, parts, by } })
    try {
      const { coverage, digests } = await walk.digest()
      checkDigest(digests, plan, by === 'time' ? equalTimes(plan.lower, plan.upper, parts) : undefined)
      return { coverage, parts: digests, salt }
    } catch (error) {
      this.#report(plan.server, error)
      throw error
    } finally {
      end()
    }
  }

  #plan(query: HistoryQuery): HistoryPlan {
    if (this.#stopped === undefined) throw new MailClientStoppedError('the mail client is not started')
    query.signal?.throwIfAborted()
    const plan = planHistory(query, this.#settings.now())
    if (!this.#trust.has(plan.server)) throw new UntrustedServerError('the server is not on the trust list')
    return plan
  }

  /** A walk that ends when its server is no longer trusted, and `end`, which gives it up if it is still under way. */
  #begin(query: HistoryQuery, plan: HistoryPlan): { walk: HistoryWalk; end: () => void } {
    const { server } = plan
    const dial = this.#diallerFor(query.network)
    const ended = new AbortController()
    const onTrust = (): void => {
      if (!this.#trust.has(server)) ended.abort(new TrustRevokedError('the server is no longer trusted'))
    }
    this.#trust.addEventListener('change', onTrust)
    const signals = [this.#stopped?.signal, ended.signal, query.signal].filter(signal => signal !== undefined)
    const walk = new HistoryWalk(
      plan,
      {
        dialect: query.dialect,
        signWith: query.signWith ?? this.#settings.signWith,
        pow: query.pow ?? this.#settings.pow,
        early: this.#settings.windowPages > 1,
        signal: AbortSignal.any(signals)
      },
      {
        waku: this.#waku,
        trust: this.#trust,
        tally: this.tally,
        miner: this.#miner,
        settings: this.#settings,
        expired: this.#expired,
        dial
      }
    )
    const name = server.toString()
    this.#open.set(name, (this.#open.get(name) ?? 0) + 1)
    const end = (): void => {
      this.#trust.removeEventListener('change', onTrust)
      ended.abort(new Error('the history was given up'))
      const left = (this.#open.get(name) ?? 1) - 1
      if (left === 0) this.#open.delete(name)
      else this.#open.set(name, left)
    }
    return { walk, end }
  }

  /** The same, envelope by envelope. */
  async *envelopes(query: HistoryQuery): AsyncGenerator<Envelope, void> {
    for await (const page of this.history(query)) yield* page.envelopes
  }

  /** Whether a peer may push envelopes to us. */
  mayPush(peer: PeerId): boolean {
    return this.#stopped !== undefined && this.#trust.has(peer)
  }

  /**
   * Takes the body of a 0x7f that a trusted peer pushed: to the filters, marked as historic. What is no envelope is
   * dropped and counted.
   *
   * @throws {TrustRevokedError}
   * @throws {ByteBudgetError}
   * @throws {MalformedError} when it is no list of envelopes
   */
  acceptPush(peer: PeerId, body: Uint8Array): void {
    if (!this.mayPush(peer)) {
      this.tally.add('packets_untrusted')
      throw new TrustRevokedError('the peer is not trusted')
    }
    if (!this.#trust.spend(peer, body.length)) {
      this.tally.add('budgets_exhausted')
      const error = new ByteBudgetError('the byte budget of the peer is used up')
      this.#report(peer, error)
      throw error
    }
    this.tally.add('push_packets')
    for (const item of splitP2PMessage(body)) {
      try {
        this.#waku.deliverHistoric(decodeEnvelope(item.raw), peer)
        this.tally.add('push_envelopes')
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error
        this.tally.add('push_malformed')
      }
    }
  }

  #diallerFor(network: Network | undefined): MailDialler {
    const name = network ?? (this.#diallers.has('libp2p') ? 'libp2p' : [...this.#diallers.keys()][0])
    const dialler = name && this.#diallers.get(name)
    if (dialler === undefined) throw new HistoryQueryError(`no mailserver can be reached over ${name ?? 'any network'}`)
    return dialler
  }

  #report(peer: PeerId, error: unknown): void {
    let reason: ServerReport['reason'] | undefined
    if (error instanceof MisbehavingServerError) reason = error.reason
    if (error instanceof ByteBudgetError) reason = 'budget'
    if (reason === undefined) return
    if (reason !== 'budget') this.tally.add('servers_misbehaved')
    // who it was is told to the application, not to the log at its default level
    this.#log.error('a trusted peer was given up: %s', reason)
    this.#log.trace('%p was given up: %s', peer, reason)
    this.safeDispatchEvent('report', { detail: { peer, reason } })
  }
}

/** The rest of a history that nobody reads to its end holds its stream. */
function tooMany(open: number, cause: Error): StreamRefusedError {
  const before = `${open - 1} ${open === 2 ? 'history of this server is' : 'histories of this server are'} under way here`
  const text = `${before}, and it takes no more at a time: read one to its end, or leave it by break or return()`
  return new StreamRefusedError(text, { cause })
}
