import { isIP } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'
import { ValueError } from './value-error.js'

/** Where devp2p connections are accepted. */
export interface Devp2pListen {
  /** An IP address, without brackets. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

export const DEVP2P_LISTEN = 'an address and a port such as 0.0.0.0:30303 or [::]:30303'
export const DEFAULT_DEVP2P_PORT = 30303

/** Reads `<ip>:<port>`, an IPv6 address in brackets. Throws `ValueError`. */
export function parseDevp2pListen(text: string): Devp2pListen {
  const [, v6, v4, digits] = /^(?:\[([0-9a-f:.]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text.trim()) ?? []
  const host = v6 ?? v4 ?? ''
  const port = Number(digits)
  if (isIP(host) !== (v6 === undefined ? 4 : 6) || !(port <= 65_535)) throw new ValueError(DEVP2P_LISTEN, text)
  return { host, port }
}

/**
 * Where a node listens that was not told: everywhere, unless its owner keeps libp2p to this machine, for then the other network
 * stays there too.
 */
export function defaultDevp2pListen(listen: readonly Multiaddr[] | undefined): Devp2pListen {
  const local = listen?.every(address => /^\/(ip4\/127\.|ip6\/::1\/|dns4?6?\/localhost\/)/.test(address.toString()))
  return { host: local === true ? '127.0.0.1' : '0.0.0.0', port: DEFAULT_DEVP2P_PORT }
}
