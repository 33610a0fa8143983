import type { TransportManager } from '@libp2p/interface-internal'
import type { Multiaddr } from '@multiformats/multiaddr'

/** What a libp2p node listens on by itself, whatever it announces. */
export interface Listening {
  /** How many of its listeners are open. */
  readonly count: number
  /** Where somebody on this machine can dial it over plain TCP; absent without such a listener. */
  readonly local: Multiaddr | undefined
}

/** A service that only looks. */
export function listening(): (components: { transportManager: TransportManager }) => Listening {
  return ({ transportManager }) => ({
    get count() {
      return transportManager.getListeners().filter(listener => listener.getAddrs().length > 0).length
    },
    get local() {
      const plain = transportManager.getAddrs().filter(isPlainTcp)
      return plain.find(address => /^\/ip(4\/127\.|6\/::1\/)/.test(address.toString())) ?? plain[0]
    }
  })
}

function isPlainTcp(address: Multiaddr): boolean {
  return address.getComponents().every(({ name }) => ['ip4', 'ip6', 'ip6zone', 'tcp', 'p2p'].includes(name))
}
