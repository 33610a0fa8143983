import type { PeerId } from '@libp2p/interface'
import { FairQueue } from '../limits/fair-queue.js'
import { UsedTime } from '../limits/used-time.js'
import type { IncomingRequest, MailLine } from '../waku/mail-exchange.js'
import type { Network } from '../waku/packet-channel.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { RequestComplete } from '../wire/request/request-complete.js'
import { RequestErrorCode } from '../wire/request/request-error.js'

/** A mailserver that requests are passed on to. */
export interface UpstreamInit {
  peer: PeerId
  network: Network
  /** Opens a line to it, connecting when there is no connection. */
  dial(options: { signal: AbortSignal }): Promise<MailLine>
}

/** A mailserver that requests are passed on to, one at a time; the address that kept it least is next. */
export class Upstream {
  readonly peer: PeerId
  readonly network: Network
  readonly dial: UpstreamInit['dial']
  /** An answer may be ten envelopes or a hundred thousand, and its requester slow: in turns alone all would wait for each of those. */
  readonly queue = new FairQueue(1, () => {}, { used: new UsedTime() })
  /** When it last failed, ms; undefined once it answered again. */
  failed: number | undefined

  constructor({ peer, network, dial }: UpstreamInit) {
    this.peer = peer
    this.network = network
    this.dial = dial
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
