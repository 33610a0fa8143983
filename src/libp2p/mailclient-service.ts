import {
  type ComponentLogger,
  type Metrics,
  type Startable,
  serviceCapabilities,
  serviceDependencies
} from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'
import type { Datastore } from 'interface-datastore'
import type { DigestAsked, RangeDigest } from '../mailclient/digest-query.js'
import { MailClientStoppedError } from '../mailclient/errors.js'
import type { HistoryQuery } from '../mailclient/history-query.js'
import type { HistoryPage } from '../mailclient/history-walk.js'
import { MailClient, type ServerReport } from '../mailclient/mail-client.js'
import { DEFAULTS, type MailClientInit, settle } from '../mailclient/settings.js'
import { TrustList } from '../trust/trust-list.js'
import type { MailDialler } from '../waku/mail-exchange.js'
import type { Network } from '../waku/packet-channel.js'
import { checkBoolean, checkFunction, checkNames } from '../wire/checks.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { PushProtocol } from './push-protocol.js'
import { wakuOf } from './service-lookup.js'
import { wakuNodeOf } from './waku-service.js'

export interface MailClientServiceInit extends MailClientInit {
  /**
   * Let trusted peers push expired envelopes to this node.
   *
   * @default false
   */
  acceptPush?: boolean | undefined
  /** Told of each trusted server that was given up, and why. */
  onReport?: ((report: ServerReport) => void) | undefined
  /**
   * Key of the `waku()` service among the node's services.
   *
   * @default 'waku'
   */
  waku?: string | undefined
}

export interface MailClientServiceComponents {
  registrar: Registrar
  connectionManager: ConnectionManager
  datastore: Datastore
  logger: ComponentLogger
  metrics?: Metrics | undefined
}

const NAMES: Record<keyof MailClientServiceInit, unknown> = {
  ...DEFAULTS,
  signWith: 1,
  acceptPush: 1,
  onReport: 1,
  waku: 1
}

/** The mail client with its streams and its trust list, as a service of a libp2p node. */
export class MailClientService implements Startable {
  /** Who may deliver expired envelopes to us; persisted in the node's datastore. Filled once the node starts. */
  readonly trust: TrustList
  readonly #components: MailClientServiceComponents
  readonly #init: MailClientServiceInit
  #client: MailClient | undefined
  #push: PushProtocol | undefined
  #opening: Promise<void> | undefined

  /** @throws {TypeError} when an option is unknown, of another type, NaN or negative */
  constructor(components: MailClientServiceComponents, init: MailClientServiceInit = {}) {
    checkNames(init, 'mailclient()', Object.keys(NAMES).join(' '), TypeError)
    settle(init)
    if (init.acceptPush !== undefined) checkBoolean(init.acceptPush, 'acceptPush', TypeError)
    if (init.onReport !== undefined) checkFunction(init.onReport, 'onReport', TypeError)
    this.#components = components
    this.#init = init
    this.trust = new TrustList({ datastore: components.datastore, logger: components.logger, now: init.now })
  }

  readonly [Symbol.toStringTag] = 'mailclient'
  readonly [serviceCapabilities] = ['@waku/mailclient']
  readonly [serviceDependencies] = ['@waku/packets']

  /** What was counted, by closed names; empty before the node started. */
  get counts(): Record<string, number> {
    return this.#client?.tally.snapshot() ?? {}
  }

  /** History, page by page: see `MailClient.history`. */
  history(query: HistoryQuery): AsyncGenerator<HistoryPage, void> {
    return this.#running.history(query)
  }

  /** Count and fingerprint of a range, without its envelopes: see `MailClient.digest`. */
  digest(query: DigestAsked): Promise<RangeDigest> {
    return this.#running.digest(query)
  }

  /** History, envelope by envelope. */
  envelopes(query: HistoryQuery): AsyncGenerator<Envelope, void> {
    return this.#running.envelopes(query)
  }

  /** Another transport says how it opens a line to a mailserver; once the node starts. */
  addDialler(network: Network, dialler: MailDialler): void {
    this.#running.addDialler(network, dialler)
  }

  async beforeStart(): Promise<void> {
    this.#opening ??= this.#open()
    await this.#opening
  }

  async #open(): Promise<void> {
    const { registrar, connectionManager, logger, metrics } = this.#components
    const waku = wakuNodeOf(wakuOf(this.#components, this.#init.waku ?? 'waku'))
    await this.trust.load()
    const client = new MailClient({ waku, trust: this.trust, logger, metrics }, this.#init)
    // what opens a stream comes with the first history
    client.addDialler('libp2p', async (server, options) => {
      const { libp2pMailDialler } = await import('./mail-line.js')
      return await libp2pMailDialler(connectionManager)(server, options)
    })
    const { onReport } = this.#init
    if (onReport !== undefined) client.addEventListener('report', event => onReport(event.detail))
    if (this.#init.acceptPush === true) {
      const { PushProtocol } = await import('./push-protocol.js')
      this.#push = new PushProtocol({ registrar, logger }, client)
    }
    this.#client = client
  }

  async start(): Promise<void> {
    this.#client?.start()
    await this.#push?.start()
  }

  async stop(): Promise<void> {
    await this.#push?.stop()
    this.#client?.stop()
  }

  async afterStop(): Promise<void> {
    // when another service's start fails, this one may still be opening
    await this.#opening?.catch(() => {})
    this.#opening = undefined
    await this.trust.close()
    this.#client = undefined
    this.#push = undefined
  }

  get #running(): MailClient {
    if (this.#client === undefined) throw new MailClientStoppedError('the node is not started')
    return this.#client
  }
}
