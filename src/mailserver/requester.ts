import type { IncomingRequest } from '../waku/mail-exchange.js'

/** Who asks, as far as fair shares go: a peer, and the address that it may share with others. */
export interface Requester {
  readonly origin: string
  readonly peer: string
}

export function requesterOf({ origin, peer }: IncomingRequest): Requester {
  return { origin, peer: peer.toString() }
}
