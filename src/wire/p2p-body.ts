import type { P2PForm } from './dialect.js'
import { encodeMessages } from './messages.js'

/**
 * The bodies of P2P Message packets (0x7f) that deliver these envelopes, in order. The envelopes' own bytes are used
 * as they are; without any there is no packet.
 */
export function encodeP2PBodies(raws: readonly Uint8Array[], form: P2PForm): Uint8Array[] {
  if (raws.length === 0) return []
  if (form === 'bare' || (form === 'list-or-bare' && raws.length === 1)) return [...raws]
  if (form === 'lists-of-one') return raws.map(raw => encodeMessages([raw]))
  return [encodeMessages(raws)]
}
