import { checkNames, describe, isBytes } from '../wire/checks.js'
import { encodeEnvelope } from '../wire/envelope/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { MAX_PACKED_ENVELOPE } from '../wire/packet/messages.js'
import { encodePayload } from '../wire/payload/payload.js'
import { sealSymmetric } from '../wire/payload/symmetric.js'
import { decodeUint, type RlpItem } from '../wire/rlp.js'
import { children, decodeItem, encodeStructure, uint } from '../wire/structure.js'
import { LetterError, type LetterFault } from './errors.js'
import { type KeyChoice, topicOf } from './key-choice.js'
import { partitionTopic, type Recipient, recipientKey } from './recipient.js'

/** What is to be sent. */
export interface OutgoingMessage {
  /** A name, `0x` and 8 digits, or 4 bytes. Left out with `to`, where it is the partitioned topic of the recipient. */
  topic?: string | Uint8Array | undefined
  /** Whom it is sealed for, in place of a symmetric key. */
  to?: Recipient | undefined
  payload: string | Uint8Array
  /**
   * The symmetric key, 32 bytes, or the password that it is made of.
   *
   * @default that of the public channel of the topic's name
   */
  key?: string | Uint8Array | undefined
  /** secp256k1 private key, 32 bytes. */
  signWith?: Uint8Array | undefined
  /**
   * Seconds, 1 to 86400, that nodes forward each envelope it is sealed in.
   *
   * @default 50
   */
  ttl?: number | undefined
  /**
   * How many servers have to confirm it, 1 up to all of them.
   *
   * @default the mailbox's
   */
  confirmations?: number | undefined
}

/**
 * A letter as it is kept: sealed, so that neither what it says nor its key is on the disk. It is mined anew whenever its envelope
 * expired; the data stay the same, by which who reads it knows it again.
 */
export interface SealedLetter {
  /** 4 bytes. */
  topic: Uint8Array
  data: Uint8Array
  /** Seconds. */
  ttl: number
  /** How many servers have to confirm it. */
  wanted: number
  /** PeerIds of servers that did. */
  confirmedBy: string[]
}

const DEFAULT_TTL = 50
const MAX_TTL = 86_400
const MAX_NONCE = 2n ** 64n - 1n

const faulty = (reason: LetterFault): (new (message: string) => Error) =>
  class extends LetterError {
    constructor(message: string) {
      super(reason, message)
    }
  }

/**
 * @param parts.servers how many there are
 * @param parts.wanted how many of them have to confirm it when the message does not say so
 * @throws {LetterError}
 */
export async function sealLetter(
  message: OutgoingMessage,
  parts: { keys: KeyChoice; servers: number; wanted: number }
): Promise<SealedLetter> {
  if (message === null || typeof message !== 'object') {
    throw new LetterError('payload', `a message is an object, not ${describe(message)}`)
  }
  checkNames(message, 'a message', 'topic to payload key signWith ttl confirmations', faulty('message'))
  const { topic, to, ttl = DEFAULT_TTL, signWith, key, confirmations: wanted = parts.wanted } = message
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > parts.servers)
    throw new LetterError(
      'confirmations',
      `confirmations are 1 up to the number of servers, ${parts.servers}, not ${describe(wanted)}`
    )
  if (!Number.isInteger(ttl) || ttl < 1 || ttl > MAX_TTL)
    throw new LetterError('ttl', `a ttl is 1 to ${MAX_TTL} seconds`)
  const payload = bytesOf(message.payload)
  if (payload.length > MAX_PACKED_ENVELOPE) throw tooLarge(payload.length)
  if (topic === undefined && to === undefined)
    throw new LetterError('topic', 'a message has a topic, or somebody that it is for')
  const publicKey = to === undefined ? undefined : recipientKey(to)
  if (publicKey !== undefined && key !== undefined)
    throw new LetterError('key', 'a message is for somebody, or has a key: not both')
  const plain = plainOf(payload, signWith)
  const where = topic === undefined ? partitionTopic(publicKey as Uint8Array) : topicOf(topic, faulty('topic'))
  const data =
    publicKey === undefined
      ? sealSymmetric(plain, await parts.keys.keyOf(topic as string | Uint8Array, key, faulty('key')))
      : (await import('../wire/payload/asymmetric.js')).sealAsymmetric(plain, publicKey)
  const { size } = encodeEnvelope({ expiry: 2 ** 32 - 1, ttl: MAX_TTL, topic: where, data, nonce: MAX_NONCE })
  if (size > MAX_PACKED_ENVELOPE) throw tooLarge(payload.length)
  return { topic: where, data, ttl, wanted, confirmedBy: [] }
}

function plainOf(payload: Uint8Array, signWith: Uint8Array | undefined): Uint8Array {
  try {
    return encodePayload({ payload, signWith })
  } catch (cause) {
    throw new LetterError('key', (cause as Error).message)
  }
}

function tooLarge(length: number): LetterError {
  return new LetterError('too-large', `a payload of ${length} bytes fits no packet: sealed it has to stay below 1 MiB`)
}

function bytesOf(payload: unknown): Uint8Array {
  if (typeof payload === 'string') return new TextEncoder().encode(payload)
  if (isBytes(payload)) return payload
  throw new LetterError('payload', `a payload is a string or a Uint8Array, not ${describe(payload)}`)
}

const VERSION = 1

export function encodeLetter({ topic, data, ttl, wanted, confirmedBy }: SealedLetter): Uint8Array {
  const by = confirmedBy.map(peer => new TextEncoder().encode(peer))
  return encodeStructure([uint(VERSION), topic, data, uint(ttl), uint(wanted), by])
}

/** @throws {MalformedError} */
export function decodeLetter(bytes: Uint8Array): SealedLetter {
  const [version, topic, data, ttl, wanted, by] = children(decodeItem(bytes), { max: 16 })
  if (version === undefined || number(version) !== VERSION) throw new MalformedError('a letter of another version')
  if (topic === undefined || data === undefined || ttl === undefined || wanted === undefined || by === undefined) {
    throw new MalformedError('a letter is cut short')
  }
  if (topic.payload.length !== 4) throw new MalformedError('a topic is not 4 bytes')
  return {
    topic: topic.payload,
    data: data.payload,
    ttl: number(ttl),
    wanted: number(wanted),
    confirmedBy: children(by, { max: 64 }).map(peer => new TextDecoder().decode(peer.payload))
  }
}

const number = (item: RlpItem): number => decodeUint(item, { max: 2 ** 32 - 1 })
