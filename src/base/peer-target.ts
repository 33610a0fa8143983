import { isPeerId, type PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { isMultiaddr, type Multiaddr, multiaddr } from '@multiformats/multiaddr'

/** Who is meant: a PeerId, or a multiaddr that ends in `/p2p/<peer id>`; either may be text. A multiaddr says where to dial, too. */
export type PeerTarget = PeerId | Multiaddr | string

/** A peer, and where it is if that was said. */
export interface Target {
  peer: PeerId
  address?: Multiaddr | undefined
}

/** How much of what was given is told, characters: enough of a multiaddr to know it again. */
const SHOWN = 200

/** @throws the error class, with what was given */
export function targetOf(target: PeerTarget, ErrorOf: new (message: string) => Error): Target {
  if (isPeerId(target)) return { peer: target }
  let address: Multiaddr | undefined
  try {
    if (isMultiaddr(target)) address = target
    else if (typeof target === 'string') {
      if (!target.startsWith('/')) return { peer: peerIdFromString(target) }
      address = multiaddr(target)
    }
    const last = address?.getComponents().at(-1)
    if (last?.name === 'p2p' && last.value !== undefined) return { peer: peerIdFromString(last.value), address }
  } catch {
    // said below
  }
  const given = kindOf(address === undefined ? target : String(address))
  throw new ErrorOf(`a peer is a PeerId, or a multiaddr that ends in /p2p/<peer id>, not ${given}`)
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty text' : JSON.stringify(value.slice(0, SHOWN))
  return value === null || typeof value !== 'object'
    ? String(value)
    : `an object of ${value.constructor?.name ?? 'no class'}`
}
