import type { PeerId } from '@libp2p/interface'
import { PEER_NAME, parsePeerName } from './peer-address.js'

/** Whose requests are passed on: one peer, or any. */
export type Requester = PeerId | 'any'

export const FORWARD_FOR = `any, or ${PEER_NAME}`

/** Throws `ValueError`. */
export function parseRequester(text: string): Requester {
  return text.trim() === 'any' ? 'any' : parsePeerName(text)
}

/** Whether a peer is among them. */
export function isNamed(peer: PeerId, requesters: readonly Requester[]): boolean {
  return requesters.some(requester => requester === 'any' || requester.equals(peer))
}
