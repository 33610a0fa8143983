import { utf8ToBytes } from '@noble/hashes/utils.js'
import { MAX_UINT32 } from '../bytes.js'
import { MalformedError, UnencodableError } from '../errors.js'
import { printable } from '../printable.js'
import { decodeUint, type RlpItem } from '../rlp.js'
import { children, decodeItem, encodeStructure, leading, uint } from '../structure.js'
import { MAX_PACKET } from './messages.js'

/** Why an envelope was refused (6/WAKU1 knows the first). Readers take any other code as "refused" too. */
export const RefusalCode = { time: 1, other: 2 } as const

export interface Refusal {
  /** Envelope hash, 32 bytes. */
  hash: Uint8Array
  code: number
  text: string
}

export interface MessageResponse {
  /** `batchHash` of the Messages packet, 32 bytes. */
  batch: Uint8Array
  refused: Refusal[]
}

const VERSION = 1
const NO_TEXT = new Uint8Array()

function hashOf(item: RlpItem | undefined): Uint8Array {
  if (item === undefined || item.isList || item.payload.length !== 32) throw new MalformedError('a hash is 32 bytes')
  return item.payload
}

function checkedHash(hash: Uint8Array): Uint8Array {
  if (hash.length !== 32) throw new UnencodableError('a hash is 32 bytes')
  return hash
}

/** The body of a Batch Ack (0x0b): the bare hash, as deployed programs send it. */
export function encodeBatchAck(hash: Uint8Array): Uint8Array {
  return encodeStructure(checkedHash(hash))
}

/**
 * Reads the bare hash, or the list `[version, hash, …]` that 6/WAKU1 describes.
 * @throws MalformedError
 */
export function decodeBatchAck(body: Uint8Array): Uint8Array {
  const item = decodeItem(body)
  return hashOf(item.isList ? leading(item, 2)[1] : item)
}

/**
 * The body of a Message Response (0x0c): `[1, [batch, [[hash, code, text], …]]]`. The texts are left out where they
 * would make the packet larger than a peer takes.
 */
export function encodeMessageResponse({ batch, refused }: MessageResponse): Uint8Array {
  const encode = (text: (refusal: Refusal) => Uint8Array): Uint8Array => {
    const items = refused.map(refusal => [checkedHash(refusal.hash), uint(refusal.code), text(refusal)])
    return encodeStructure([uint(VERSION), [checkedHash(batch), items]])
  }
  // a packet that is full of refused envelopes has few reasons
  const texts = new Map<string, Uint8Array>()
  const body = encode(({ text }) => {
    const known = texts.get(text) ?? utf8ToBytes(printable(text))
    texts.set(text, known)
    return known
  })
  return body.length <= MAX_PACKET ? body : encode(() => NO_TEXT)
}

/**
 * Reads a Message Response of any version that looks like version 1; further items are ignored.
 * @throws MalformedError
 */
export function decodeMessageResponse(body: Uint8Array): MessageResponse {
  const [version, response] = leading(decodeItem(body), 2)
  decodeUint(version, { max: MAX_UINT32 })
  const [batch, refused] = leading(response, 2)
  return {
    batch: hashOf(batch),
    refused: children(refused).map(item => {
      const [hash, code, text] = leading(item, 3)
      if (text.isList) throw new MalformedError('the text of a refusal is a list')
      return { hash: hashOf(hash), code: decodeUint(code, { max: MAX_UINT32 }), text: printable(text.payload) }
    })
  }
}
