import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RLP } from '@ethereumjs/rlp'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { MalformedError, UnencodableError } from '../../src/wire/errors.js'
import {
  decodeBatchAck,
  decodeMessageResponse,
  encodeBatchAck,
  encodeMessageResponse,
  RefusalCode
} from '../../src/wire/packet/confirmation.js'
import { encodeList, encodeString, encodeUint } from '../../src/wire/rlp.js'

const batch = new Uint8Array(32).fill(0x11)
const hash = new Uint8Array(32).fill(0x22)

test('a Batch Ack is the bare hash; the list that the specification shows is read too [WAKU-55]', () => {
  assert.equal(toHex(encodeBatchAck(batch)), `a0${toHex(batch)}`)
  assert.deepEqual(decodeBatchAck(encodeBatchAck(batch)), batch)
  assert.deepEqual(decodeBatchAck(encodeList([encodeUint(1), encodeString(batch)])), batch)
  assert.deepEqual(decodeBatchAck(encodeList([encodeUint(1), encodeString(batch), encodeUint(7)])), batch)
  for (const hex of ['80', 'c0', '01', `9f${'11'.repeat(31)}`, `a1${'11'.repeat(33)}`, 'c20101', 'c201c0']) {
    assert.throws(() => decodeBatchAck(fromHex(hex)), MalformedError, hex)
  }
  assert.throws(() => encodeBatchAck(new Uint8Array(31)), UnencodableError)
})

test('a Message Response is of version 1, and code 1 means time [WAKU-55]', () => {
  assert.equal(toHex(encodeMessageResponse({ batch, refused: [] })), `e401e2a0${toHex(batch)}c0`)
  const refused = [
    { hash, code: RefusalCode.time, text: 'expired' },
    { hash: batch, code: RefusalCode.other, text: '' }
  ]
  const body = encodeMessageResponse({ batch, refused })
  const items = [
    [hash, 1, 'expired'],
    [batch, 2, '']
  ]
  assert.equal(toHex(body), toHex(RLP.encode([1, [batch, items]])))
  assert.deepEqual(decodeMessageResponse(body), { batch, refused })
})

test('any code and version is read, and what a peer wrote is made safe to show', () => {
  const text = encodeString(new TextEncoder().encode(`no\r\n\u202e${'x'.repeat(300)}`))
  const refusal = encodeList([encodeString(hash), encodeUint(37), text, encodeUint(1)])
  const body = encodeList([encodeUint(2), encodeList([encodeString(batch), encodeList([refusal]), encodeUint(0)])])
  const { refused } = decodeMessageResponse(body)
  assert.equal(refused[0]?.code, 37)
  assert.equal(refused[0]?.text, `no ${'x'.repeat(193)}`)
})

test('the response to a packet full of refused envelopes stays below 1 MiB', () => {
  const text = 'a reason that is long enough to make it grow past what a peer takes in one packet'
  const refused = Array.from({ length: 16_384 }, () => ({ hash, code: RefusalCode.other, text }))
  const body = encodeMessageResponse({ batch, refused })
  assert.ok(body.length < 1024 * 1024)
  const again = decodeMessageResponse(body)
  assert.equal(again.refused.length, 16_384)
  assert.deepEqual(again.refused[16_383], { hash, code: 2, text: '' })
})

const refusedBodies: [why: string, hex: string][] = [
  ['nothing in it', 'c0'],
  ['no list of refusals', `e301e1a0${'11'.repeat(32)}`],
  ['a batch hash of 31 bytes', `e301e19f${'11'.repeat(31)}c0`],
  ['a refusal of two items', `e701e5a0${'11'.repeat(32)}c3c20101`],
  ['a string', '8101']
]

for (const [why, hex] of refusedBodies) {
  test(`refuses a Message Response with ${why}`, () =>
    assert.throws(() => decodeMessageResponse(fromHex(hex)), MalformedError))
}
