import type { PeerId } from '@libp2p/interface'
import { FairQueue } from '../limits/fair-queue.js'
import * as FIGURES from '../limits/figures.js'
import type { Origin } from '../limits/origin.js'
import { UsedTime } from '../limits/used-time.js'
import type { IncomingRequest, MailLine } from '../waku/mail-exchange.js'
import type { Network } from '../waku/packet-channel.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { RequestComplete } from '../wire/request/request-complete.js'
import { RequestErrorCode } from '../wire/request/request-error.js'
import { Appetites } from './appetites.js'

/** A mailserver that requests are passed on to. */
export interface UpstreamInit {
  peer: PeerId
  network: Network
  /** Opens a line to it, connecting when there is no connection. */
  dial(options: { signal: AbortSignal }): Promise<MailLine>
}

/** A turn at an upstream. */
export interface UpstreamTurn {
  /** Whether somebody waits for it. */
  readonly isAwaited: boolean
  /** Ends it; told what it cost, ms. */
  end(cost: number): void
}

/** A mailserver that requests are passed on to, some at a time; the address that had least of it is next. */
export class Upstream {
  readonly peer: PeerId
  readonly network: Network
  readonly dial: UpstreamInit['dial']
  /** For all; who asks for little has places of its own besides, where several requests may be under way. */
  readonly #queue: FairQueue
  readonly #little: FairQueue | undefined
  readonly #appetites = new Appetites()
  /** The shortest time in which something of an answer came, ms. */
  way = Number.POSITIVE_INFINITY
  /** When it last failed, ms; undefined once it answered again. */
  failed: number | undefined

  constructor({ peer, network, dial }: UpstreamInit) {
    this.peer = peer
    this.network = network
    this.dial = dial
    const { atOnce } = FIGURES.upstream
    // an answer may be ten envelopes or a hundred thousand, and its requester slow: in turns alone all would wait for each of those
    const queue = (places: number): FairQueue => new FairQueue(places, () => {}, { used: new UsedTime() })
    this.#queue = queue(atOnce[network])
    if (network === 'libp2p') this.#little = queue(atOnce.little)
  }

  /**
   * Waits for a turn.
   *
   * @throws the reason of `signal`, when it aborts before the turn came
   */
  turn(requester: Origin, signal: AbortSignal): Promise<UpstreamTurn> {
    const { address } = requester
    const queue = (this.#appetites.isSmall(address) && this.#little) || this.#queue
    return new Promise((resolve, reject) => {
      const work = (): Promise<number> =>
        new Promise(end =>
          resolve({
            end,
            get isAwaited() {
              return queue.crowded
            }
          })
        )
      const cost = (cost: number): number => {
        this.#appetites.note(address, cost)
        return cost
      }
      queue.run(requester, work, { signal, cost }).catch(reject)
    })
  }

  /** Whether it can read such a request (protocols/devp2p.md): on libp2p there are no raw forms, and all is dated. */
  reads({ codec }: IncomingRequest, { expiry }: Envelope): boolean {
    if (this.network === 'devp2p') return true
    if (expiry === 0) return false
    return !codec.dialects.every(dialect => dialect.startsWith('raw'))
  }

  /**
   * What its completion means for the requester. A raw form that lies under a seal goes to a libp2p server, since nobody
   * between can see it, and is malformed there: a form that this server does not read.
   */
  explain(complete: RequestComplete, { network }: IncomingRequest): RequestComplete {
    const { error } = complete
    const mayBeRaw = this.network === 'libp2p' && network === 'devp2p'
    if (!mayBeRaw || error?.code !== RequestErrorCode.malformed) return complete
    return { ...complete, error: { ...error, code: RequestErrorCode.undecryptable } }
  }
}
