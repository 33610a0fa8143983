import { listParts } from '../rlp.js'
import type { P2PForm } from './dialect.js'

/**
 * The bodies of P2P Message packets (0x7f) that deliver these envelopes, in order. The envelopes' own bytes are used
 * as they are; without any there is no packet. Each body is in pieces that are one behind the other: it is joined when it is
 * put into a frame, and not before.
 */
export function encodeP2PBodies(raws: readonly Uint8Array[], form: P2PForm): Uint8Array[][] {
  if (raws.length === 0) return []
  if (form === 'bare' || (form === 'list-or-bare' && raws.length === 1)) return raws.map(raw => [raw])
  if (form === 'lists-of-one') return raws.map(raw => listParts([raw]))
  return [listParts(raws)]
}
