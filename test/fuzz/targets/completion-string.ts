import { MalformedError } from '../../../src/wire/errors.js'
import {
  decodeAnyComplete,
  encodeStringComplete,
  encodeTripleComplete
} from '../../../src/wire/request/string-complete.js'
import { decodeItem } from '../../../src/wire/rlp.js'
import { check, checkBytes, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

/** The completion of legacy servers, string or list. */
export const fuzz: FuzzTarget = input => {
  const complete = read(() => decodeAnyComplete(input), MalformedError)
  if (complete === undefined) return false
  const isList = decodeItem(input).isList
  if (!isList) checkSmall(complete, input, { factor: 16, more: 1024 })
  const { requestId, lastHash, cursor, error } = complete
  check(requestId.length === 32 && lastHash.length === 32, 'a hash is 32 bytes')
  const written = encodeStringComplete(complete)
  check(decodeItem(written).payload.length <= 100, 'a string of more than 100 bytes')
  const second = decodeAnyComplete(written)
  checkBytes(second.requestId, requestId, 'the id differs')
  checkSame(second.cursor, cursor, 'the cursor differs')
  checkSame(second.error === undefined, error === undefined, 'an error came or went')
  if (error === undefined) {
    checkBytes(second.lastHash, lastHash, 'the hash differs')
    if (!isList && decodeItem(input).payload.length > 32) checkBytes(written, input, 'written again it differs')
  } else if (!isList) {
    check(second.error?.code === error.code, 'the code of the error differs')
  }
  checkBytes(decodeAnyComplete(encodeTripleComplete(complete)).requestId, requestId, 'the id in a list differs')
  return true
}
