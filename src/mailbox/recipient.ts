import { isPeerId, type PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { fromHex } from '../wire/bytes.js'
import { describe, isBytes } from '../wire/checks.js'
import { topicFromName } from '../wire/envelope/topic.js'
import { LetterError } from './errors.js'

/**
 * Whom a message is sealed for: a secp256k1 public key (33 or 65 bytes, or as many in hexadecimal), or a PeerId that holds one.
 */
export type Recipient = Uint8Array | PeerId | string

/** Keys share a topic with all others of their partition (10/WAKU2-USAGE). */
export const PARTITIONS = 5000

/**
 * The uncompressed public key, 65 bytes.
 *
 * @throws {LetterError} recipient
 */
export function recipientKey(to: Recipient): Uint8Array {
  const bytes = isPeerId(to) ? keyOf(to) : isBytes(to) ? to : keyOfText(to)
  try {
    return secp256k1.Point.fromBytes(bytes).toBytes(false)
  } catch {
    throw new LetterError('recipient', 'that is no public key of secp256k1')
  }
}

/** The name of the topic that a public key (65 bytes) shares with a 5000th of all keys. */
export function partitionName(publicKey: Uint8Array): string {
  let rest = 0
  for (const byte of publicKey.subarray(1, 33)) rest = (rest * 256 + byte) % PARTITIONS
  return partition(rest)
}

export const partition = (number: number): string => `contact-discovery-${number}`

/** The topic, 4 bytes, that messages for a public key (65 bytes) are on. */
export const partitionTopic = (publicKey: Uint8Array): Uint8Array => topicFromName(partitionName(publicKey))

function keyOfText(text: unknown): Uint8Array {
  if (typeof text !== 'string')
    throw new LetterError('recipient', `a recipient is a public key or PeerId, not ${describe(text)}`)
  if (/^(0x)?[0-9a-f]+$/i.test(text) && text.length >= 66) {
    try {
      return fromHex(text)
    } catch {
      throw new LetterError('recipient', 'that is no public key in hexadecimal')
    }
  }
  let peer: PeerId
  try {
    peer = peerIdFromString(text)
  } catch {
    throw new LetterError('recipient', 'a recipient is a public key or a PeerId, not a text that is neither')
  }
  return keyOf(peer)
}

function keyOf(peer: PeerId): Uint8Array {
  if (peer.type === 'secp256k1') return peer.publicKey.raw
  throw new LetterError(
    'recipient',
    `that peer has no key that anything could be sealed for: its key is ${peer.type}, not secp256k1`
  )
}
