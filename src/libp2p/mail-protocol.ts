import type { ComponentLogger, Connection, Logger, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import * as FIGURES from '../limits/figures.js'
import type { Limits } from '../limits/limits.js'
import type { RequestHandler } from '../waku/mail-exchange.js'
import { MAX_MAIL_CONTROL_FRAME } from '../wire/packet/packet-frame.js'
import { FrameMemoryError } from './frame-errors.js'
import { relayedPage } from './limited-connection.js'
import { MailSession } from './mail-session.js'
import { originOf, StreamBudget } from './stream-budget.js'

export const MAIL_PROTOCOL = '/waku/1/mailserver/1.0.0'

export interface MailProtocolInit {
  /**
   * Streams open at a time of one peer.
   *
   * @default 8
   */
  streamsPerPeer?: number | undefined
  /**
   * Streams open at a time from one address.
   *
   * @default 64
   */
  streamsPerHost?: number | undefined
  /**
   * How long a requester may take nothing of an answer, or ask nothing, in ms.
   *
   * @default 60000
   */
  idleTimeout?: number | undefined
}

export const MAIL_PROTOCOL_DEFAULTS: { [K in keyof MailProtocolInit]-?: number } = {
  streamsPerPeer: FIGURES.streams.mail.perPeer,
  streamsPerHost: FIGURES.streams.mail.perAddress,
  idleTimeout: FIGURES.streams.idle
}

export interface MailProtocolComponents {
  registrar: Registrar
  limits: Pick<Limits, 'counts' | 'memory'>
  logger: ComponentLogger
}

/** The server's side of `/waku/1/mailserver/1.0.0` (protocols/mailserver.md). */
export class MailProtocol implements Startable {
  readonly #registrar: Registrar
  readonly #limits: MailProtocolComponents['limits']
  readonly #log: Logger
  readonly #handler: RequestHandler
  readonly #idleTimeout: number
  readonly #streamsPerPeer: number
  readonly #budget: StreamBudget
  readonly #sessions = new Set<MailSession>()
  #running = false

  constructor(components: MailProtocolComponents, handler: RequestHandler, init: MailProtocolInit = {}) {
    this.#registrar = components.registrar
    this.#limits = components.limits
    this.#log = components.logger.forComponent('waku:mailserver:streams')
    this.#handler = handler
    this.#idleTimeout = init.idleTimeout ?? MAIL_PROTOCOL_DEFAULTS.idleTimeout
    this.#streamsPerPeer = init.streamsPerPeer ?? MAIL_PROTOCOL_DEFAULTS.streamsPerPeer
    this.#budget = new StreamBudget({
      perPeer: this.#streamsPerPeer,
      perHost: init.streamsPerHost ?? MAIL_PROTOCOL_DEFAULTS.streamsPerHost
    })
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    await this.#registrar.handle(MAIL_PROTOCOL, (stream, connection) => this.#admit(stream, connection), {
      maxInboundStreams: this.#streamsPerPeer,
      runOnLimitedConnection: true
    })
  }

  /** No new streams from now on; the open ones end when the request that is being answered on them is. */
  async beforeStop(): Promise<void> {
    if (!this.#running) return
    this.#running = false
    await this.#registrar.unhandle(MAIL_PROTOCOL)
    await Promise.all([...this.#sessions].map(session => session.close()))
  }

  async stop(): Promise<void> {
    await this.beforeStop()
  }

  #admit(stream: Stream, connection: Connection): void {
    const leave = this.#budget.enter(connection)
    if (leave === undefined) {
      this.#limits.counts.add('refused_stream')
      this.#log.trace('a stream was refused: too many of that peer or address')
      stream.abort(new Error('too many mailserver streams'))
      return
    }
    const origin = originOf(connection)
    const evict = (): void => session.abort(new FrameMemoryError('too much of this address is not read yet'))
    const holder = { address: origin.address, bytes: 0, evict }
    const session: MailSession = new MailSession(stream, {
      peer: connection.remotePeer,
      origin,
      holds: bytes => this.#limits.memory.hold(holder, bytes),
      handler: this.#handler,
      idleTimeout: this.#idleTimeout,
      highWater: FIGURES.request.waiting * MAX_MAIL_CONTROL_FRAME,
      maxPageBytes: () => relayedPage(connection)
    })
    this.#sessions.add(session)
    session
      .run()
      .catch(err => this.#log.trace('a stream ended - %e', err))
      .finally(() => {
        this.#sessions.delete(session)
        leave()
      })
  }
}
