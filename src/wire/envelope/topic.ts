import { utf8ToBytes } from '@noble/hashes/utils.js'
import { fromHex, readUint32, writeUint32 } from '../bytes.js'
import { checkString } from '../checks.js'
import { MalformedError } from '../errors.js'
import { keccak256 } from '../keccak.js'

/** Bytes of a topic. */
export const TOPIC_BYTES = 4

/**
 * The first 4 bytes of the Keccak-256 of a channel name in UTF-8.
 * @throws MalformedError when it is no string
 */
export function topicFromName(name: string): Uint8Array {
  checkString(name, 'the name of a topic', MalformedError)
  return keccak256(utf8ToBytes(name)).slice(0, TOPIC_BYTES)
}

/**
 * Reads a topic as a person writes it: `0x` and 8 digits are the topic itself, anything else is a name. A contact
 * code (`0x…-contact-code`) is a name; digits of another number are taken for a slip.
 * @throws MalformedError
 */
export function parseTopic(text: string): Uint8Array {
  checkString(text, 'a topic', MalformedError)
  if (/^0x[0-9a-f]{8}$/i.test(text)) return fromHex(text.slice(2))
  if (text === '') throw new MalformedError('a topic is empty')
  if (/^0x[0-9a-f]*$/i.test(text)) throw new MalformedError('a topic in hexadecimal has 8 digits')
  return topicFromName(text)
}

/** The topic as an integer of 32 bits, big-endian: a key for sets and maps. */
export function topicNumber(topic: Uint8Array): number {
  return readUint32(topic, 0)
}

export function topicFromNumber(value: number): Uint8Array {
  return writeUint32(value)
}
