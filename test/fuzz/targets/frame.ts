import { MalformedError } from '../../../src/wire/errors.js'
import { decodeFrame, encodeFrame } from '../../../src/wire/packet/packet-frame.js'
import { decodeItem, decodeList } from '../../../src/wire/rlp.js'
import { check, checkBytes, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

export const fuzz: FuzzTarget = input => {
  const frame = read(() => decodeFrame(input), MalformedError)
  if (frame === undefined) return false
  checkSmall(frame, input)
  check(frame.code >= 0 && frame.code <= 0x7f, 'a code out of its range')
  checkBytes(decodeItem(frame.body).raw, frame.body, 'the body is no item')
  const written = encodeFrame(frame.code, frame.body)
  let head = 0
  while ((written[head] as number) >= 0x80) head++
  const bare = written.subarray(head + 1)
  checkSame(decodeFrame(bare), frame, 'written and read it differs')
  if (decodeList(input).length === 2) checkBytes(bare, input, 'written again it differs')
  return true
}
