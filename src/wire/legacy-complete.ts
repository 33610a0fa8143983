import { concatBytes } from './bytes.js'
import { MalformedError } from './errors.js'
import { legacyErrorCode, legacyErrorText } from './legacy-error.js'
import { decodeRequestComplete, type RequestComplete } from './request-complete.js'
import { decodeItem, EMPTY_STRING, encodeList, encodeString } from './rlp.js'

const ID = 32
const CURSOR = 36
const ZERO_HASH = new Uint8Array(ID)
const ERROR_MARK = new TextEncoder().encode('ERROR=')

/**
 * The string form of 0x7d: `request id ‖ last hash ‖ cursor`, or `ERROR= ‖ request id ‖ text`.
 * Never longer than 100 bytes. Source: protocols/devp2p.md.
 */
export function encodeStringComplete(c: RequestComplete): Uint8Array {
  if (c.error !== undefined) {
    const text = new TextEncoder().encode(legacyErrorText(c.error.code, c.error.text))
    return encodeString(concatBytes(ERROR_MARK, c.requestId, text))
  }
  return encodeString(concatBytes(c.requestId, c.lastHash, c.cursor ?? new Uint8Array(0)))
}

/**
 * The list form for legacy peers: always exactly three items, which is all that their decoders take. There is no
 * error form: a refusal is a zero last hash without a cursor.
 */
export function encodeListOfThree(c: RequestComplete): Uint8Array {
  if (c.error !== undefined) return encodeList([encodeString(c.requestId), encodeString(ZERO_HASH), EMPTY_STRING])
  const cursor = c.cursor === undefined ? EMPTY_STRING : encodeString(c.cursor)
  return encodeList([encodeString(c.requestId), encodeString(c.lastHash), cursor])
}

/**
 * Reads every form of 0x7d: a list, or a string. A string of a length that no form has is refused instead of read in
 * part: what is left of a cut cursor would look like the end of the history.
 * @throws {MalformedError}
 */
export function decodeLegacyComplete(body: Uint8Array): RequestComplete {
  const item = decodeItem(body)
  if (item.isList) return decodeRequestComplete(body)
  const bytes = item.payload
  if (bytes.length >= ERROR_MARK.length + ID && ERROR_MARK.every((byte, i) => bytes[i] === byte)) {
    const text = printable(bytes.subarray(ERROR_MARK.length + ID))
    const requestId = bytes.slice(ERROR_MARK.length, ERROR_MARK.length + ID)
    return { requestId, lastHash: ZERO_HASH.slice(), error: { code: legacyErrorCode(text), text } }
  }
  if (bytes.length !== ID && bytes.length !== 2 * ID && bytes.length !== 2 * ID + CURSOR) {
    throw new MalformedError(`a completion string has 32, 64 or 100 bytes, not ${bytes.length}`)
  }
  const requestId = bytes.slice(0, ID)
  const lastHash = bytes.length === ID ? ZERO_HASH.slice() : bytes.slice(ID, 2 * ID)
  return bytes.length > 2 * ID ? { requestId, lastHash, cursor: bytes.slice(2 * ID) } : { requestId, lastHash }
}

/** Texts of strangers may hold anything, also bytes that are no UTF-8: what is not printable becomes `?`. */
function printable(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, 200)).replace(/[\p{C}\ufffd]/gu, '?')
}
