import type { Connection, PeerId } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import type { Multiaddr } from '@multiformats/multiaddr'

/** A relay ends a connection that carried too much (128 KiB by default): of what is left a page takes this part at most. */
const SHARE = 4
/** Of a page of one envelope nothing can be left out. */
const LEAST_PAGE = 2 * 1024
/** With less than this left, another connection goes further. */
const WORN = 16 * 1024

/** Most bytes of a page over a relayed connection, so that the loss is small when the relay cuts it; undefined without a limit. */
export function relayedPage({ limits }: Pick<Connection, 'limits'>): number | undefined {
  return limits?.bytes === undefined ? undefined : Math.max(LEAST_PAGE, Math.floor(Number(limits.bytes) / SHARE))
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
  return limits?.bytes !== undefined && Number(limits.bytes) < WORN
}
