import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { decodeEnvelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { MalformedError } from '../../src/wire/errors.js'
import { keccak256 } from '../../src/wire/keccak.js'
import {
  batchHash,
  encodeMessages,
  MAX_ENVELOPES,
  MessageItems,
  splitMessages
} from '../../src/wire/packet/messages.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'

const envelopes = [0, 300, 3].map(
  length =>
    encodeEnvelope({ expiry: 20, ttl: 10, topic: fromHex('01020304'), data: new Uint8Array(length), nonce: 5n }).raw
)
const hex = (items: { raw: Uint8Array }[]): string[] => items.map(item => toHex(item.raw))

test('envelopes travel in a list as the bytes that they are [MAIL-03, WAKU-11]', () => {
  const body = encodeMessages(envelopes)
  assert.deepEqual(hex(splitMessages(body)), envelopes.map(toHex))
  assert.deepEqual(splitMessages(encodeMessages([])), [])
  assert.equal(toHex(batchHash(body)), toHex(keccak256(body)))
})

test('a bad envelope leaves its neighbours readable [WAKU-11]', () => {
  const [good] = envelopes as [Uint8Array]
  const items = splitMessages(encodeMessages([fromHex('c20101'), good, fromHex('05')]))
  assert.equal(items.length, 3)
  assert.throws(() => decodeEnvelope(items[0]?.raw as Uint8Array), MalformedError)
  assert.equal(toHex(decodeEnvelope(items[1]?.raw as Uint8Array).raw), toHex(good))
  assert.throws(() => decodeEnvelope(items[2]?.raw as Uint8Array), MalformedError)
})

test('a body that is no list, or of too many items, is refused as a whole', () => {
  for (const bad of ['80', '', 'c1', 'c000']) assert.throws(() => splitMessages(fromHex(bad)), MalformedError)
  const most = Array.from({ length: MAX_ENVELOPES }, () => Uint8Array.of(0x80))
  assert.equal(splitMessages(encodeMessages(most)).length, MAX_ENVELOPES)
  assert.throws(() => splitMessages(encodeMessages([...most, Uint8Array.of(0x80)])), MalformedError)
})

test('items come one by one as they do all at once, of whatever can be split', () => {
  for (const raws of [[], envelopes, [fromHex('c20101'), ...envelopes, fromHex('05')]]) {
    const items = new MessageItems(encodeMessages(raws))
    assert.equal(items.length, raws.length)
    assert.deepEqual(
      Array.from({ length: items.length }, () => toHex(items.next())),
      raws.map(toHex)
    )
    assert.throws(() => items.next(), MalformedError)
  }
  const most = Array.from({ length: MAX_ENVELOPES }, () => Uint8Array.of(0x80))
  assert.equal(new MessageItems(encodeMessages(most)).length, MAX_ENVELOPES)
  const many = encodeMessages([...most, Uint8Array.of(0x80)])
  const bad = [...['80', '', 'c1', 'c000', 'c3c201', '05'].map(fromHex), many]
  for (const body of bad) assert.throws(() => new MessageItems(body), MalformedError)
})

test('history comes as an array of envelopes [MAIL-23]', () => {
  assert.deepEqual(hex(splitP2PMessage(encodeMessages(envelopes))), envelopes.map(toHex))
  assert.deepEqual(hex(splitP2PMessage(encodeMessages(envelopes.slice(0, 1)))), envelopes.slice(0, 1).map(toHex))
  assert.deepEqual(splitP2PMessage(fromHex('c0')), [])
})

test('history comes as a single envelope from some servers [MAIL-25]', () => {
  for (const envelope of envelopes) assert.deepEqual(hex(splitP2PMessage(envelope)), [toHex(envelope)])
})

test('a history packet of more items than a megabyte of envelopes is refused', () => {
  const items = (count: number): Uint8Array =>
    encodeMessages([fromHex('c0'), ...Array.from({ length: count - 1 }, () => fromHex('80'))])
  assert.equal(splitP2PMessage(items(104_857)).length, 104_857)
  assert.throws(() => splitP2PMessage(items(104_858)), MalformedError)
})

test('a history packet that is a string is refused', () => {
  for (const bad of ['80', '05', '8401020304', '', 'c28401']) {
    assert.throws(() => splitP2PMessage(fromHex(bad)), MalformedError, bad)
  }
})
