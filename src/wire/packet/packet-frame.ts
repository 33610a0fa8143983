import { encode as varint } from 'uint8-varint'
import { concatBytes, joinBytes } from '../bytes.js'
import { decodeUint, encodeUint, firstItems, listHeader } from '../rlp.js'
import { MAX_PACKET } from './messages.js'

/** Most bytes a frame may hold after its length prefix: the largest packet, its code and two headers. */
export const MAX_FRAME: number = MAX_PACKET + 16

/** The same for the codes 0x7d and 0x7e. */
export const MAX_MAIL_CONTROL_FRAME: number = 16 * 1024

const MAX_CODE = 0x7f

/**
 * A packet as it goes over a stream, `varint length ‖ RLP([code, body])` (protocols/packets.md), in pieces: the head,
 * then `bodyParts` as they are. Together these must be one RLP item.
 */
export function encodeFrameParts(code: number, bodyParts: readonly Uint8Array[]): Uint8Array[] {
  const codeItem = encodeUint(code)
  let length = codeItem.length
  for (const part of bodyParts) length += part.length
  const list = listHeader(length)
  return [concatBytes(varint(list.length + length), list, codeItem), ...bodyParts]
}

/** The same in one piece. `body` is one RLP item, or the pieces of one. */
export function encodeFrame(code: number, body: Uint8Array | readonly Uint8Array[]): Uint8Array {
  return joinBytes(encodeFrameParts(code, body instanceof Uint8Array ? [body] : body))
}

/**
 * Reads a frame without its length prefix. Extra list items are ignored; `body` is the second item as it came.
 * @throws MalformedError also when the code is above 127
 */
export function decodeFrame(frame: Uint8Array): { code: number; body: Uint8Array } {
  const [code, body] = firstItems(frame, 2)
  return { code: decodeUint(code, { max: MAX_CODE }), body: body.raw }
}
