import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type Enode, formatEnode, isEnode, parseEnode, peerIdFromNodeId } from '../../devp2p/enode.js'
import { ValueError } from './value-error.js'

/** A peer of libp2p: where it listens, and who it is. */
export interface Libp2pAddress {
  readonly network: 'libp2p'
  readonly peer: PeerId
  /** Ends by naming the peer. */
  readonly address: Multiaddr
}

/** A peer of devp2p: where it listens, and who it is in both worlds. */
export interface Devp2pAddress {
  readonly network: 'devp2p'
  readonly peer: PeerId
  readonly enode: Enode
}

export type PeerAddress = Libp2pAddress | Devp2pAddress

export const LISTEN_ADDRESS = 'a multiaddr to listen on such as /ip4/0.0.0.0/tcp/30304'
const MULTIADDR = 'a multiaddr with a peer id such as /ip4/192.0.2.1/tcp/30304/p2p/16Uiu2…'
const ENODE = 'an enode URL such as enode://<128 hex digits>@192.0.2.1:30303'
export const PEER_ADDRESS = `${MULTIADDR}, or ${ENODE}`
export const PEER_NAME = `a peer id such as 16Uiu2…, ${PEER_ADDRESS}`

/** Reads `/ip4/…/tcp/…/p2p/<peer id>` or `enode://…`. Throws `ValueError`. */
export function parsePeerAddress(text: string): PeerAddress {
  if (isEnode(text.trim())) return parseEnodeAddress(text)
  const address = parse(text, PEER_ADDRESS)
  const last = address.getComponents().at(-1)
  if (last?.name !== 'p2p' || last.value === undefined) throw new ValueError(PEER_ADDRESS, text)
  return { network: 'libp2p', peer: parsePeerId(last.value, text), address }
}

/** Reads a peer id, or the peer that a multiaddr or an enode URL names. Throws `ValueError`. */
export function parsePeerName(text: string): PeerId {
  const trimmed = text.trim()
  if (isEnode(trimmed) || trimmed.startsWith('/')) return parsePeerAddress(text).peer
  return parsePeerId(text, text)
}

/** Reads a multiaddr to listen on or to announce. Throws `ValueError`. */
export function parseListenAddress(text: string): Multiaddr {
  return parse(text, LISTEN_ADDRESS)
}

/** As the user would write it. */
export function formatPeerAddress(peer: PeerAddress): string {
  return peer.network === 'libp2p' ? peer.address.toString() : formatEnode(peer.enode)
}

function parseEnodeAddress(text: string): Devp2pAddress {
  try {
    const enode = parseEnode(text)
    return { network: 'devp2p', peer: peerIdFromNodeId(enode.id), enode }
  } catch (err) {
    if ((err as Error).name !== 'EnodeError') throw err
    throw new ValueError(`${ENODE} (${(err as Error).message})`, text)
  }
}

function parse(text: string, expected: string): Multiaddr {
  try {
    const address = multiaddr(text.trim())
    // it looks at its parts no sooner than they are used, and at a peer id never
    for (const { name, value } of address.getComponents()) if (name === 'p2p') peerIdFromString(value ?? '')
    if (address.bytes.length > 0) return address
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
