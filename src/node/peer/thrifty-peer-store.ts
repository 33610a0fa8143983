import type { Peer, PeerId, PeerStore } from '@libp2p/interface'

/**
 * Has a node's peer store keep nothing of a peer but what somebody will look up: libp2p notes each protocol by which a peer
 * opens a stream, which takes as long as answering it, and this node asks a peer instead what it speaks, or is asked.
 */
export function keepLittle(store: PeerStore, self: PeerId): void {
  const merge = store.merge.bind(store)
  store.merge = async (id, data, options) => {
    const { protocols = [], ...others } = data
    if (protocols.length !== 1 || Object.keys(others).length > 0 || self.equals(id)) {
      return await merge(id, data, options)
    }
    return nothingOf(id, protocols)
  }
}

function nothingOf(id: PeerId, protocols: string[]): Peer {
  return { id, addresses: [], protocols, metadata: new Map(), tags: new Map() }
}
