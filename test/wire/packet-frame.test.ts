import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode as decodeVarint } from 'uint8-varint'
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.js'
import { decodeEnvelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { MalformedError } from '../../src/wire/errors.js'
import { encodeBatchAck } from '../../src/wire/packet/confirmation.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { decodeFrame, encodeFrame, encodeFrameParts, MAX_FRAME } from '../../src/wire/packet/packet-frame.js'
import { encodeList, encodeString, encodeUint, listHeader } from '../../src/wire/rlp.js'

function withoutLength(frame: Uint8Array): Uint8Array {
  const length = decodeVarint(frame)
  const rest = frame.subarray(frame.length - length)
  assert.equal(toHex(frame.subarray(0, frame.length - length)).length / 2, length < 128 ? 1 : length < 16_384 ? 2 : 3)
  return rest
}

test('a packet is its code and one object, spliced in as it is [WAKU-13]', () => {
  const empty = fromHex('c0')
  assert.equal(toHex(encodeFrame(0x01, empty)), '03c201c0')
  assert.equal(toHex(encodeFrame(0x00, empty)), '03c280c0')
  assert.equal(toHex(encodeFrame(0x7f, empty)), '03c27fc0')
  const hash = '11'.repeat(32)
  assert.equal(toHex(encodeFrame(0x0b, encodeBatchAck(fromHex(hash)))), `23e20ba0${hash}`)
})

test('any code and body come back as they were [WAKU-13]', () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 20_000 }).map(encodeString),
    fc.array(fc.uint8Array({ maxLength: 90 }).map(encodeString)).map(encodeList)
  )
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 127 }), body, (code, body) => {
      const packet = decodeFrame(withoutLength(encodeFrame(code, body)))
      assert.equal(packet.code, code)
      assert.equal(toHex(packet.body), toHex(body))
    })
  )
})

test('a body in parts is not copied and makes the same frame', () => {
  const items = [encodeString(new Uint8Array(200)), encodeUint(3)]
  const parts = [listHeader(203), ...items]
  const frame = encodeFrameParts(0x7f, parts)
  assert.deepEqual(frame.slice(1), parts)
  assert.equal(frame[3], parts[2])
  assert.equal(toHex(concatBytes(...frame)), toHex(encodeFrame(0x7f, encodeList(items))))
})

test('the length takes one byte up to 127 and two up to 16383', () => {
  const head = (length: number): string => toHex(encodeFrame(1, encodeString(new Uint8Array(length))).subarray(0, 4))
  assert.equal(head(122), '7ff87d01')
  assert.equal(head(123), '8001f87e')
  assert.equal(head(124), '8101f87f')
  assert.equal(head(16_383 - 7), 'ff7ff93f')
  assert.equal(head(16_384 - 7), '808001f9')
})

test('a body of 1 MiB fits a frame', () => {
  const body = encodeString(new Uint8Array(1024 * 1024 - 4))
  assert.equal(body.length, 1024 * 1024)
  const frame = withoutLength(encodeFrame(0x7f, body))
  assert.ok(frame.length <= MAX_FRAME)
  assert.equal(decodeFrame(frame).body.length, body.length)
})

test('items behind the body are ignored [WAKU-13]', () => {
  const packet = decodeFrame(fromHex('c67ec0820102c0'))
  assert.deepEqual([packet.code, toHex(packet.body)], [0x7e, 'c0'])
})

test('a request packet carries one envelope and nothing else [MAIL-08]', () => {
  const { raw } = encodeEnvelope({
    expiry: 20,
    ttl: 10,
    topic: new Uint8Array(4),
    data: new Uint8Array(285),
    nonce: 1n
  })
  const { code, body } = decodeFrame(withoutLength(encodeFrame(PacketCode.Request, raw)))
  assert.equal(code, 0x7e)
  assert.equal(toHex(decodeEnvelope(body).raw), toHex(raw))
  for (const more of [encodeList([raw]), encodeList([raw, raw]), encodeString(raw)]) {
    assert.throws(
      () => decodeEnvelope(decodeFrame(withoutLength(encodeFrame(PacketCode.Request, more))).body),
      MalformedError
    )
  }
})

const refused: [why: string, hex: string][] = [
  ['nothing', ''],
  ['no body', 'c101'],
  ['an empty list', 'c0'],
  ['a string', '8201c0'],
  ['a code that is a list', 'c2c0c0'],
  ['a code of 128', 'c38180c0'],
  ['a code with a leading zero', 'c200c0'],
  ['a code of two bytes', 'c4820101c0'],
  ['a body cut short', 'c301c2c0'],
  ['bytes behind it', 'c201c000'],
  ['a third item cut short', 'c301c082']
]

for (const [why, hex] of refused) {
  test(`refuses a frame with ${why}`, () => assert.throws(() => decodeFrame(fromHex(hex)), MalformedError))
}
