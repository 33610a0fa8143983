import type { ComponentLogger, Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { pipe } from 'it-pipe'
import * as FIGURES from '../limits/figures.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import { FrameStream } from './frame-stream.js'
import { packetsOf } from './packets-of.js'
import { StreamBudget } from './stream-budget.js'

export const PUSH_PROTOCOL = '/waku/1/mailserver-push/1.0.0'

/** Who takes what is pushed: the mail client. */
export interface PushReceiver {
  /** Whether this peer may push at all. */
  mayPush(peer: PeerId): boolean
  /** Takes the body of one 0x7f. Throws when the peer may not go on: its stream is then reset. */
  acceptPush(peer: PeerId, body: Uint8Array): void
}

export interface PushProtocolComponents {
  registrar: Registrar
  logger: ComponentLogger
}

export interface PushProtocolInit {
  /**
   * How long a peer may send nothing, in ms.
   *
   * @default 60000
   */
  idleTimeout?: number | undefined
}

/** Takes in `/waku/1/mailserver-push/1.0.0` (protocols/mailserver.md); only made by a node that opted in. */
export class PushProtocol implements Startable {
  readonly #registrar: Registrar
  readonly #log: Logger
  readonly #receiver: PushReceiver
  readonly #idleTimeout: number
  readonly #budget = new StreamBudget({
    perPeer: FIGURES.streams.push.perPeer,
    perHost: FIGURES.streams.push.perAddress
  })
  readonly #open = new Set<FrameStream>()
  #running = false

  constructor(components: PushProtocolComponents, receiver: PushReceiver, init: PushProtocolInit = {}) {
    this.#registrar = components.registrar
    this.#log = components.logger.forComponent('waku:push')
    this.#receiver = receiver
    this.#idleTimeout = init.idleTimeout ?? FIGURES.streams.idle
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    await this.#registrar.handle(PUSH_PROTOCOL, (stream, connection) => this.#admit(stream, connection), {
      maxInboundStreams: FIGURES.streams.push.perPeer
    })
  }

  async stop(): Promise<void> {
    if (!this.#running) return
    this.#running = false
    await this.#registrar.unhandle(PUSH_PROTOCOL)
    for (const frames of this.#open) frames.abort(new Error('the node stops'))
  }

  #admit(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer
    const leave = this.#receiver.mayPush(peer) ? this.#budget.enter(connection) : undefined
    if (leave === undefined) {
      stream.abort(new Error('not allowed to push'))
      return
    }
    const frames = new FrameStream(stream, { readTimeout: this.#idleTimeout })
    this.#open.add(frames)
    this.#receive(frames, peer)
      .catch(err => this.#log.trace('a push ended - %e', err))
      .finally(() => {
        this.#open.delete(frames)
        leave()
      })
  }

  async #receive(frames: FrameStream, peer: PeerId): Promise<void> {
    try {
      await pipe(frames.packets, packetsOf(PacketCode.P2PMessage), async bodies => {
        for await (const body of bodies) this.#receiver.acceptPush(peer, body)
      })
      await frames.close()
    } catch (err) {
      frames.abort(err as Error)
      throw err
    }
  }
}
