import type { Connection, Libp2p } from '@libp2p/interface'
import { addressOf } from '../../libp2p/stream-budget.js'
import { mostCrowded } from '../../limits/most-crowded.js'

/**
 * Keeps the number of inbound connections at `most`, which must be below what libp2p accepts: above it, a connection of the
 * address that has most of them is closed, one with few streams first, of these the oldest. So a few addresses that take all
 * they can get never take the last place.
 */
export function sharePlaces(node: Libp2p, most: number, onEvicted: () => void = () => {}): void {
  node.addEventListener('connection:open', () => {
    const inbound = node
      .getConnections()
      .filter(({ direction, status }) => direction === 'inbound' && status === 'open')
    if (inbound.length <= most) return
    const crowd = mostCrowded(inbound, addressOf)
    if (crowd === undefined) return
    crowd.reduce(lesser).abort(new Error('the place is needed for another address'))
    onEvicted()
  })
}

function lesser(a: Connection, b: Connection): Connection {
  if (a.streams.length !== b.streams.length) return a.streams.length < b.streams.length ? a : b
  return a.timeline.open <= b.timeline.open ? a : b
}
