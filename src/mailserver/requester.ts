import type { IncomingRequest } from '../waku/mail-exchange.js'
import type { TurnTaker } from '../waku/turns.js'

/** Who asks, as far as fair shares go. */
export function requesterOf({ origin, peer }: IncomingRequest): TurnTaker {
  return { origin, peer: peer.toString() }
}
