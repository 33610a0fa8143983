import type { PeerId } from '@libp2p/interface'
import type { PeerTarget } from '../base/peer-target.js'
import { concatBytes } from '../wire/bytes.js'
import { checkBytes, checkNumber } from '../wire/checks.js'
import type { Envelope, EnvelopeFields } from '../wire/envelope/envelope.js'
import { encodePayload } from '../wire/payload/payload.js'
import { sealSymmetric } from '../wire/payload/symmetric.js'
import { InvalidPostError } from './errors.js'

/** A message to be sealed and posted. */
export interface Message {
  /** 4 bytes. */
  topic: Uint8Array
  payload: Uint8Array
  /** Symmetric key, 32 bytes. Without one `payload` becomes the envelope's data as it is. */
  key?: Uint8Array | undefined
  /** secp256k1 private key, 32 bytes. Needs `key`. */
  signWith?: Uint8Array | undefined
  /**
   * Seconds, 1 up to the node's `maxTtl`.
   *
   * @default 50
   */
  ttl?: number | undefined
  /**
   * Proof of work to reach.
   *
   * @default what this node asks for or what the receiver asks for, and at least 0.002 with less than 50,000 bytes of data: the most
   * that deployed nodes ask for
   */
  pow?: number | undefined
  /**
   * Only this peer is sent the message; it has to confirm what it receives. One that is named by a multiaddr is dialled
   * when there is no conversation with it.
   *
   * @default all peers that want it, also those that connect later
   */
  to?: PeerTarget | undefined
}

/** An envelope that is sealed already. */
export interface SealedMessage {
  envelope: Envelope
  to?: PeerTarget | undefined
}

/** What became of a post. Everyone in `confirmed` and `refused` was sent it too. */
export interface PostResult {
  envelope: Envelope
  /** Peers that it was sent to; light ones are left out when it is for all, for they pass nothing on. */
  sent: PeerId[]
  /** Peers that have it on disk, or had it before. */
  confirmed: PeerId[]
  /** Peers that said why they did not keep it. Code 1 means time, anything else another reason. */
  refused: Array<{ peer: PeerId; code: number; text: string }>
  /** Peers that announced confirmations but did not answer in time. */
  unanswered: PeerId[]
}

export const DEFAULT_TTL = 50

/**
 * What is mined into an envelope: the payload in the form of 26/WAKU2-PAYLOAD, padded, signed if asked, encrypted.
 *
 * @throws {InvalidPostError} when topic, TTL, key or proof of work are not what they should be
 */
export function sealMessage(message: Message, now: number, maxTtl: number): Omit<EnvelopeFields, 'nonce'> {
  const { topic, payload, key, signWith, ttl = DEFAULT_TTL } = message
  checkBytes(topic, 'a topic', InvalidPostError, 4)
  checkBytes(payload, 'a payload', InvalidPostError)
  if (key !== undefined) checkBytes(key, 'a symmetric key', InvalidPostError, 32)
  if (signWith !== undefined) checkBytes(signWith, 'a private key to sign with', InvalidPostError, 32)
  if (!Number.isInteger(ttl) || ttl < 1 || ttl > maxTtl) throw new InvalidPostError(`a ttl is 1 to ${maxTtl} seconds`)
  if (message.pow !== undefined) checkNumber(message.pow, 'a proof of work', InvalidPostError)
  if (key === undefined && signWith !== undefined) throw new InvalidPostError('only an encrypted message can be signed')
  let data = concatBytes(payload)
  if (key !== undefined) {
    try {
      data = sealSymmetric(encodePayload({ payload, signWith }), key)
    } catch (err) {
      throw new InvalidPostError((err as Error).message)
    }
  }
  return { expiry: now + ttl, ttl, topic: topic.slice(), data }
}
