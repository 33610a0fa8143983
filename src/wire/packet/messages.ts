import { keccak256 } from '../keccak.js'
import { decodeList, encodeList, MAX_ITEMS, type RlpItem } from '../rlp.js'

/** Most envelopes one packet may hold. */
export const MAX_ENVELOPES: number = MAX_ITEMS

/** A packet with one envelope is this much longer than the envelope, in bytes. */
export const PACKET_OVERHEAD = 9
/** The largest packet that every peer takes, in bytes. */
export const MAX_PACKET: number = 1024 * 1024
/** The largest envelope that fits one, in bytes. */
export const MAX_PACKED_ENVELOPE: number = MAX_PACKET - PACKET_OVERHEAD

/** The body of a Messages packet (0x01) or of a P2P Message (0x7f): the envelopes as they came, in a list. */
export function encodeMessages(raws: readonly Uint8Array[]): Uint8Array {
  return encodeList(raws)
}

/**
 * The items of a Messages body, not looked at yet: each envelope is judged alone.
 * @throws MalformedError when the body is no list, or of more than 16384 items
 */
export function splitMessages(body: Uint8Array): RlpItem[] {
  return decodeList(body, { max: MAX_ENVELOPES })
}

/** What a Batch Ack and a Message Response name a Messages packet by: Keccak-256 of its body, 32 bytes. */
export function batchHash(body: Uint8Array): Uint8Array {
  return keccak256(body)
}
