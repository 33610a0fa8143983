import { MAX_PACKET } from '../packet/messages.js'
import { children, decodeItem, firstItems, type RlpItem } from '../rlp.js'

/** A packet cannot hold more envelopes than this: none is shorter than 10 bytes. */
const MAX_HISTORIC: number = Math.floor(MAX_PACKET / 10)

/**
 * The envelopes of a P2P Message (0x7f), not looked at yet: a list of them (8/WAKU-MAIL), or the body itself when it
 * is a single one (EIP-627). The first item tells: an envelope begins with a number, a list of them with a list.
 * @throws MalformedError
 */
export function splitP2PMessage(body: Uint8Array): RlpItem[] {
  const item = decodeItem(body)
  if (!item.isList || item.payload.length === 0) return children(item)
  const [first] = firstItems(body, 1)
  return first.isList ? children(item, { max: MAX_HISTORIC }) : [item]
}
