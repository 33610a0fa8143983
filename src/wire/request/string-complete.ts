import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concatBytes } from '../bytes.js'
import { MalformedError, UnencodableError } from '../errors.js'
import { printable } from '../printable.js'
import { decodeItem, encodeStructure } from '../structure.js'
import { CURSOR_BYTES } from './cursor.js'
import { legacyErrorCode, legacyErrorText } from './legacy-error.js'
import { decodeRequestComplete, encodeRequestComplete, type RequestComplete } from './request-complete.js'

const HASH_BYTES = 32
const ERROR_MARK = utf8ToBytes('ERROR=')

/**
 * The completion (0x7d) as one RLP string: `request id ‖ last hash ‖ cursor`, the cursor only when more exists; or
 * `ERROR= ‖ request id ‖ text`. Never longer than 100 bytes.
 * @throws UnencodableError
 */
export function encodeStringComplete(complete: RequestComplete): Uint8Array {
  const { requestId, lastHash, cursor, error } = complete
  if (requestId.length !== HASH_BYTES || lastHash.length !== HASH_BYTES)
    throw new UnencodableError('a hash is 32 bytes')
  if (error !== undefined) {
    return encodeStructure(concatBytes(ERROR_MARK, requestId, utf8ToBytes(legacyErrorText(error.code, error.text))))
  }
  if (cursor === undefined) return encodeStructure(concatBytes(requestId, lastHash))
  if (cursor.length !== CURSOR_BYTES) throw new UnencodableError('a cursor is 36 bytes')
  return encodeStructure(concatBytes(requestId, lastHash, cursor))
}

/**
 * The completion as a list for legacy readers, which take exactly three items: `[request id, last hash, cursor]`. It
 * has no place for an error, which becomes a zero last hash without a cursor.
 * @throws UnencodableError
 */
export function encodeTripleComplete({ requestId, lastHash, cursor, error }: RequestComplete): Uint8Array {
  if (error !== undefined) return encodeRequestComplete({ requestId, lastHash: new Uint8Array(HASH_BYTES) })
  return encodeRequestComplete({ requestId, lastHash, cursor })
}

/**
 * Reads a completion of either kind. A string whose length no form has is refused, not read in part: a cursor that
 * was cut short would pass for the end of the history.
 * @throws MalformedError
 */
export function decodeAnyComplete(body: Uint8Array): RequestComplete {
  const item = decodeItem(body)
  if (item.isList) return decodeRequestComplete(body)
  const bytes = item.payload
  const failed = bytes.length >= ERROR_MARK.length + HASH_BYTES && ERROR_MARK.every((byte, i) => bytes[i] === byte)
  if (failed) {
    const rest = bytes.subarray(ERROR_MARK.length)
    const text = printable(rest.subarray(HASH_BYTES))
    const error = { code: legacyErrorCode(text), text }
    return { requestId: rest.subarray(0, HASH_BYTES), lastHash: new Uint8Array(HASH_BYTES), error }
  }
  const requestId = bytes.subarray(0, HASH_BYTES)
  switch (bytes.length) {
    case HASH_BYTES:
      return { requestId, lastHash: new Uint8Array(HASH_BYTES) }
    case 2 * HASH_BYTES:
      return { requestId, lastHash: bytes.subarray(HASH_BYTES) }
    case 2 * HASH_BYTES + CURSOR_BYTES:
      return { requestId, lastHash: bytes.subarray(HASH_BYTES, 2 * HASH_BYTES), cursor: bytes.subarray(2 * HASH_BYTES) }
    default:
      throw new MalformedError(`a completion of ${bytes.length} bytes`)
  }
}
