import type { Connection, PeerId } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import type { Multiaddr } from '@multiformats/multiaddr'
import * as FIGURES from '../limits/figures.js'

/** Most bytes of a page over a relayed connection, so that the loss is small when the relay cuts it; undefined without a limit. */
export function relayedPage({ limits }: Pick<Connection, 'limits'>): number | undefined {
  return limits?.bytes === undefined
    ? undefined
    : Math.max(FIGURES.relayed.leastPage, Math.floor(Number(limits.bytes) * FIGURES.relayed.share))
}

/**
 * A connection for a stream that a relay may carry. libp2p dials again when it has nothing but relayed connections.
 *
 * @throws what libp2p throws when it dials, or the reason of `signal`
 */
export async function connectionTo(
  peer: PeerId,
  connectionManager: ConnectionManager,
  { signal, address }: { signal: AbortSignal; address?: Multiaddr | undefined }
): Promise<Connection> {
  const open = connectionManager.getConnections(peer).filter(({ status }) => status === 'open')
  if (open.some(({ limits }) => limits === undefined)) return await connectionManager.openConnection(peer, { signal })
  const relayed = open.find(({ limits }) => !isWorn(limits))
  if (relayed !== undefined) return relayed
  // libp2p prefers what it has to a second connection by the same way
  for (const worn of open) worn.abort(new Error('the relay is about to end it'))
  return await connectionManager.openConnection(address ?? peer, { signal })
}

function isWorn(limits: Connection['limits']): boolean {
  return limits?.bytes !== undefined && Number(limits.bytes) < FIGURES.relayed.worn
}
