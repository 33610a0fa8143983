import { MalformedError } from '../../../src/wire/errors.js'
import {
  decodeBatchAck,
  decodeMessageResponse,
  encodeBatchAck,
  encodeMessageResponse
} from '../../../src/wire/packet/confirmation.js'
import { decodeItem } from '../../../src/wire/rlp.js'
import { check, checkBytes, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

/** Batch Ack and Message Response. */
export const fuzz: FuzzTarget = input => {
  const ack = read(() => decodeBatchAck(input), MalformedError)
  if (ack !== undefined) {
    check(ack.length === 32, 'a hash is 32 bytes')
    checkBytes(decodeBatchAck(encodeBatchAck(ack)), ack, 'a Batch Ack differs')
    if (!decodeItem(input).isList) checkBytes(encodeBatchAck(ack), input, 'a Batch Ack is not canonical')
  }
  const response = read(() => decodeMessageResponse(input), MalformedError)
  if (response !== undefined) {
    checkSmall(response, input)
    const second = decodeMessageResponse(encodeMessageResponse(response))
    checkSame(second, response, 'written and read a Message Response differs')
  }
  return ack !== undefined || response !== undefined
}
