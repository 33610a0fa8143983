import type { ComponentLogger, Logger, Metrics, PeerId, Startable } from '@libp2p/interface'
import { TypedEventEmitter } from 'main-event'
import { Tally } from '../base/tally.js'
import * as FIGURES from '../limits/figures.js'
import type { TrustList } from '../trust/trust-list.js'
import type { MailDialler } from '../waku/mail-exchange.js'
import type { Network } from '../waku/packet-channel.js'
import { RecentHashes } from '../waku/recent-hashes.js'
import type { WakuNode } from '../waku/waku-node.js'
import { decodeEnvelope, type Envelope } from '../wire/envelope/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { splitP2PMessage } from '../wire/request/p2p-message.js'
import { MAIL_CLIENT_EVENTS, type MailClientEvent } from './counters.js'
import type { DigestAsked, RangeDigest } from './digest-query.js'
import {
  ByteBudgetError,
  MailClientStoppedError,
  MisbehavingServerError,
  type Misbehaviour,
  TrustRevokedError
} from './errors.js'
import type { Histories } from './histories.js'
import type { HistoryQuery } from './history-query.js'
import type { HistoryPage } from './history-walk.js'
import { type MailClientInit, type MailClientSettings, settle } from './settings.js'

export interface MailClientComponents {
  waku: Pick<WakuNode, 'deliverHistoric'>
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
  readonly #waku: MailClientComponents['waku']
  readonly #trust: TrustList
  readonly #log: Logger
  readonly #settings: MailClientSettings
  readonly #expired = new RecentHashes(FIGURES.asking.givenUp)
  readonly #diallers = new Map<Network, MailDialler>()
  /** What only a client that asks needs: bundlers keep it apart, to be loaded with the first request. */
  #histories: Histories | undefined
  #stopped: AbortController | undefined

  constructor(components: MailClientComponents, init: MailClientInit = {}) {
    super()
    this.#waku = components.waku
    this.#trust = components.trust
    this.#log = components.logger.forComponent('waku:mailclient')
    this.#settings = settle(init)
    this.tally = new Tally(
      MAIL_CLIENT_EVENTS,
      { name: 'waku_mailserver_client_events_total', help: 'What the mail client did' },
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
    this.#histories?.stop()
    this.#histories = undefined
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
    const histories = await this.#load()
    yield* histories.history(query)
  }

  /**
   * Count and fingerprint of the envelopes that a trusted mailserver has of a range, in parts, and what may be missing there;
   * none of them is sent. For comparing servers with each other, or with what one has.
   *
   * @throws {IngestOrderError} when the server makes none
   * @throws as `history` does
   */
  async digest(query: DigestAsked): Promise<RangeDigest> {
    const histories = await this.#load()
    return await histories.digest(query)
  }

  async #load(): Promise<Histories> {
    const { Histories } = await import('./histories.js')
    this.#histories ??= new Histories({
      waku: this.#waku,
      trust: this.#trust,
      tally: this.tally,
      settings: this.#settings,
      log: this.#log,
      expired: this.#expired,
      diallers: this.#diallers,
      running: () => this.#stopped?.signal,
      report: (peer, error) => this.#report(peer, error)
    })
    return this.#histories
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
