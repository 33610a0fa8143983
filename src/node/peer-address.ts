import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { ValueError } from './value-error.js'

/** Where a peer listens, and who it is: a multiaddr always ends by naming the peer. */
export interface PeerAddress {
  readonly peer: PeerId
  readonly address: Multiaddr
}

/** The peer was given as an enode URL, which names a peer of the devp2p network. */
export class EnodeUnsupportedError extends Error {
  static override readonly name = 'EnodeUnsupportedError'
  override readonly name = 'EnodeUnsupportedError'

  constructor() {
    super('enode URLs name devp2p peers, and this build speaks libp2p only: give a multiaddr')
  }
}

export const LISTEN_ADDRESS = 'a multiaddr to listen on such as /ip4/0.0.0.0/tcp/30304'
export const PEER_ADDRESS = 'a multiaddr with a peer id such as /ip4/192.0.2.1/tcp/30304/p2p/16Uiu2…'
export const PEER_NAME = `a peer id such as 16Uiu2…, or ${PEER_ADDRESS}`

/** Reads `/ip4/…/tcp/…/p2p/<peer id>`. Throws `ValueError`, or `EnodeUnsupportedError` for an enode URL. */
export function parsePeerAddress(text: string): PeerAddress {
  const address = parse(text, PEER_ADDRESS)
  const last = address.getComponents().at(-1)
  if (last?.name !== 'p2p' || last.value === undefined) throw new ValueError(PEER_ADDRESS, text)
  return { peer: parsePeerId(last.value, text), address }
}

/** Reads a peer id, or the peer id at the end of a multiaddr. Throws as `parsePeerAddress` does. */
export function parsePeerName(text: string): PeerId {
  if (/^enode:/i.test(text) || text.startsWith('/')) return parsePeerAddress(text).peer
  return parsePeerId(text, text)
}

/** Reads a multiaddr to listen on or to announce. Throws as `parsePeerAddress` does. */
export function parseListenAddress(text: string): Multiaddr {
  return parse(text, LISTEN_ADDRESS)
}

function parse(text: string, expected: string): Multiaddr {
  if (/^enode:/i.test(text.trim())) throw new EnodeUnsupportedError()
  try {
    const address = multiaddr(text.trim())
    if (address.getComponents().length > 0) return address
  } catch {
    // the text below says what was expected
  }
  throw new ValueError(expected, text)
}

function parsePeerId(text: string, whole: string): PeerId {
  try {
    return peerIdFromString(text.trim())
  } catch {
    throw new ValueError(PEER_NAME, whole)
  }
}
