import type { Logger, PeerId } from '@libp2p/interface'
import pDefer from 'p-defer'
import type { Tally } from '../base/tally.js'
import * as FIGURES from '../limits/figures.js'
import { inVain } from '../limits/throttle.js'
import type { IncomingRequest, MailLine, RequestHandler } from '../waku/mail-exchange.js'
import type { Packet } from '../waku/packet-channel.js'
import type { WakuNode } from '../waku/waku-node.js'
import { fullBloom } from '../wire/envelope/bloom.js'
import { MalformedError } from '../wire/errors.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import { MAX_MAIL_CONTROL_FRAME } from '../wire/packet/packet-frame.js'
import { formOfUnread } from '../wire/request/legacy-mail.js'
import { CapabilityChannel, type ChannelHost } from './capability-channel.js'
import { ConnectionMailLine } from './connection-mail-line.js'
import type { Devp2pEvent } from './counters.js'
import { DisconnectReason } from './disconnect.js'
import { Exchanges } from './exchanges.js'
import { partingReason } from './parting.js'
import { RequestQueue } from './request-queue.js'
import type { RlpxConnection } from './rlpx-connection.js'

export interface PeerLinkParts {
  waku: Pick<WakuNode, 'run' | 'status'>
  /** Answers history requests; without one they are ignored. */
  handler: RequestHandler | undefined
  /** Serve requests that are not encrypted. */
  plain: boolean
  drainTimeout: number
  tally: Tally<Devp2pEvent>
  log: Logger
}

/**
 * One peer on one connection. Each shared capability is a conversation of its own; with a peer that speaks both families
 * the one over shh is secondary, so that envelopes are sent on waku only and none twice. Both begin at once. History is
 * asked for and answered on either, one request at a time each way.
 */
export class PeerLink implements ChannelHost {
  readonly peer: PeerId
  readonly connection: RlpxConnection
  readonly #parts: PeerLinkParts
  readonly #channels: CapabilityChannel[]
  readonly #leaving = new Set<CapabilityChannel>()
  readonly #requests: RequestQueue | undefined
  readonly #exchanges: Exchanges
  readonly #ready = pDefer<void>()
  /** The last conversation had its handshake, is over, or took too long for the others to wait. */
  readonly #primary = pDefer<void>()

  constructor(connection: RlpxConnection, parts: PeerLinkParts) {
    this.peer = connection.peer
    this.connection = connection
    this.#parts = parts
    // by name: shh before waku
    const last = connection.streams.length - 1
    this.#channels = connection.streams.map(
      (stream, i) => new CapabilityChannel(stream, this, i < last ? this.#primary.promise : undefined)
    )
    this.#requests = parts.handler && new RequestQueue(parts.handler, connection.signal)
    const abort = (reason: Error): void => this.abort(reason)
    this.#exchanges = new Exchanges({ tally: parts.tally, drainTimeout: parts.drainTimeout, abort })
    this.#ready.promise.catch(() => {})
  }

  /** Resolves when every conversation had its handshake; rejects when the connection ended before. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Resolves when the connection is over; never rejects. */
  async run(): Promise<void> {
    const { log } = this.#parts
    const ended = (): void => {
      const reason = this.connection.signal.reason as Error
      this.#ready.reject(reason)
      this.#exchanges.end(reason)
    }
    this.connection.signal.addEventListener('abort', ended, { once: true })
    if (this.connection.signal.aborted) ended()
    const patience = setTimeout(this.#primary.resolve, FIGURES.devp2p.primary)
    const conversations = this.connection.signal.aborted ? [] : this.#channels.map(channel => this.#converse(channel))
    void conversations.at(-1)?.met.then(() => this.#primary.resolve())
    await Promise.all(conversations.map(({ met }) => met))
    clearTimeout(patience)
    this.#ready.resolve()
    for (const error of await Promise.all(conversations.map(({ over }) => over))) {
      if (error !== undefined) log.trace('a conversation over devp2p ended - %e', error)
    }
    await this.connection.closed
  }

  /** `met` resolves when the handshake is done or the conversation over. */
  #converse(channel: CapabilityChannel): { met: Promise<unknown>; over: Promise<Error | undefined> } {
    const ready = pDefer<void>()
    const over = this.#parts.waku.run(channel, {
      onReady: () => {
        this.#met(channel)
        ready.resolve()
      }
    })
    return { met: Promise.race([ready.promise, over]), over }
  }

  /** A line for requests to this peer. */
  line(): MailLine {
    return new ConnectionMailLine(this.#channels.at(-1) as CapabilityChannel, this.#exchanges)
  }

  async takeMail(channel: CapabilityChannel, { code, body }: Packet): Promise<void> {
    const { tally } = this.#parts
    if (code !== PacketCode.P2PMessage && body.length > MAX_MAIL_CONTROL_FRAME) {
      tally.add('packets_oversized')
      channel.judged(inVain(body))
      if (channel.onMalformed === 'abort') this.abort(new MalformedError(`a packet ${code} of ${body.length} bytes`))
    } else if (code !== PacketCode.Request) {
      await this.#exchanges.take(channel, { code, body })
    } else if (this.#requests === undefined) {
      tally.add('requests_unserved')
      channel.judged(inVain(body))
    } else {
      tally.add('requests')
      await this.#requests.push(this.#request(channel, body))
    }
  }

  async leave(channel: CapabilityChannel, { signal }: { signal?: AbortSignal | undefined }): Promise<void> {
    if (this.connection.signal.aborted) return
    this.#leaving.add(channel)
    if (this.#leaving.size < this.#channels.length) return
    const hurry = (): void => this.connection.abort(signal?.reason as Error, DisconnectReason.Quitting)
    signal?.addEventListener('abort', hurry, { once: true })
    if (signal?.aborted === true) hurry()
    await Promise.race([this.#requests?.idle(), this.connection.closed])
    await this.connection.disconnect(DisconnectReason.Quitting)
    signal?.removeEventListener('abort', hurry)
  }

  abort(reason: Error): void {
    this.connection.abort(reason, partingReason(reason))
  }

  #met(channel: CapabilityChannel): void {
    channel.markReady()
    if (!channel.wishesOnly) return
    const { pow = 0, bloom = fullBloom(), topics } = this.#parts.waku.status
    for (const { code, body } of channel.status.encodeUpdate({ pow, bloom, topics })) {
      channel.send(code, body).catch(() => {})
    }
  }

  #request(channel: CapabilityChannel, body: Uint8Array): IncomingRequest {
    const { tally, plain } = this.#parts
    const { signal } = this.connection
    return {
      peer: this.peer,
      network: 'devp2p',
      origin: this.connection.origin,
      body,
      codec: channel.mail({ plain, unread: formOfUnread(body) }),
      signal,
      send: (code, body) => channel.answer(code, body, { signal }),
      abort: reason => {
        if (reason instanceof MalformedError && channel.onMalformed === 'ignore') tally.add('packets_malformed')
        else this.abort(reason)
      }
    }
  }
}
