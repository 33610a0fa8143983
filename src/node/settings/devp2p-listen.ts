import type { Multiaddr } from '@multiformats/multiaddr'
import { parseSocketAddress, type SocketAddress } from './socket-address.js'

/** Where devp2p connections are accepted. */
export type Devp2pListen = SocketAddress

export const DEVP2P_LISTEN = 'an address and a port such as 0.0.0.0:30303 or [::]:30303'
export const DEFAULT_DEVP2P_PORT = 30303

/** Reads `<ip>:<port>`, an IPv6 address in brackets. Throws `ValueError`. */
export function parseDevp2pListen(text: string): Devp2pListen {
  return parseSocketAddress(text, DEVP2P_LISTEN)
}

/**
 * Where a node listens that was not told: everywhere, unless its owner keeps libp2p to this machine, for then the other network
 * stays there too.
 */
export function defaultDevp2pListen(listen: readonly Multiaddr[] | undefined): Devp2pListen {
  const local = listen?.every(address => /^\/(ip4\/127\.|ip6\/::1\/|dns4?6?\/localhost\/)/.test(address.toString()))
  return { host: local === true ? '127.0.0.1' : '0.0.0.0', port: DEFAULT_DEVP2P_PORT }
}
