import type { PeerId } from '@libp2p/interface'
import { mostCrowded } from '../limits/most-crowded.js'
import type { RlpxConnection } from './rlpx-connection.js'

export interface InboundPlaces {
  /** Inbound connections at the same time. */
  max: number
  /** Peers that always get in, and never give way. */
  welcome(peer: PeerId): boolean
}

/**
 * The place of a peer that comes from `address` (`addressKey`): a free one, or that of another, who has to leave. When all
 * are taken, the address that has most of them gives way to one with fewer: its connection that was of no use for longest.
 * Undefined when there is no place.
 */
export function placeFor(
  newcomer: { peer: PeerId; address: string },
  connections: readonly RlpxConnection[],
  { max, welcome }: InboundPlaces
): { instead?: RlpxConnection } | undefined {
  const inbound = connections.filter(({ direction }) => direction === 'inbound')
  if (inbound.length < max || welcome(newcomer.peer)) return {}
  const others = inbound.filter(({ peer }) => !welcome(peer))
  const crowd = mostCrowded(others, ({ origin }) => origin.address, newcomer.address)
  return crowd && { instead: crowd.reduce((idle, other) => (other.active < idle.active ? other : idle)) }
}
