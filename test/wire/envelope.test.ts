import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RLP } from '@ethereumjs/rlp'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import {
  decodeEnvelope,
  type EnvelopeFields,
  encodeEnvelope,
  encodeShortRlp
} from '../../src/wire/envelope/envelope.js'
import { MalformedError, UnencodableError } from '../../src/wire/errors.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { encodeList } from '../../src/wire/rlp.js'

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const fields: fc.Arbitrary<EnvelopeFields> = fc.record({
  expiry: uint32,
  ttl: uint32,
  topic: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  data: fc.uint8Array({ maxLength: 400 }),
  nonce: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
})

test('an envelope is the list of its five fields, and its hash is of all of them [MAIL-03]', () => {
  fc.assert(
    fc.property(fields, value => {
      const { expiry, ttl, topic, data, nonce } = value
      const envelope = encodeEnvelope(value)
      assert.equal(toHex(envelope.raw), toHex(RLP.encode([expiry, ttl, topic, data, nonce])))
      assert.equal(toHex(envelope.shortRlp()), toHex(RLP.encode([expiry, ttl, topic, data])))
      assert.equal(toHex(encodeShortRlp(value)), toHex(envelope.shortRlp()))
      assert.equal(envelope.shortSize, envelope.shortRlp().length)
      assert.equal(toHex(envelope.hash), toHex(keccak256(envelope.raw)))
      assert.equal(envelope.hashHex, toHex(envelope.hash))
      assert.equal(envelope.sent, (((expiry - ttl) % 2 ** 32) + 2 ** 32) % 2 ** 32)
      assert.equal(envelope.size, envelope.raw.length)
      const again = decodeEnvelope(envelope.raw)
      assert.deepEqual(
        [again.expiry, again.ttl, toHex(again.topic), toHex(again.data), again.nonce],
        [expiry, ttl, toHex(topic), toHex(data), nonce]
      )
    })
  )
})

test('headers of every length stay in place around the nonce', () => {
  for (const length of [43, 44, 45, 46, 47, 48, 245, 246, 247, 65_530]) {
    const data = new Uint8Array(length)
    const envelope = encodeEnvelope({ expiry: 1, ttl: 1, topic: new Uint8Array(4), data, nonce: 1n })
    assert.equal(toHex(envelope.shortRlp()), toHex(encodeShortRlp(envelope)))
    assert.equal(envelope.shortSize, encodeShortRlp(envelope).length)
  }
})

test('has the published bytes and hashes', () => {
  const base = { expiry: 0, ttl: 1, topic: new Uint8Array(4), data: fromHex('deadbeef') }
  const first = encodeEnvelope({ ...base, nonce: 100_000n })
  assert.equal(toHex(first.raw), 'd08001840000000084deadbeef830186a0')
  assert.equal(first.hashHex, '660f65a268e219b51aa55347adab435ffa14835a64d247a72bc2ef88cae6dc58')
  const second = encodeEnvelope({ ...base, nonce: 276n })
  assert.equal(toHex(second.raw), 'cf8001840000000084deadbeef820114')
  assert.equal(second.hashHex, '300e63ed3c7a65d646006bd8f92ed35851ac71038f39912186f66bcb8003413f')
})

test('keeps the received bytes and copies none of them [MAIL-03]', () => {
  const packet = fromHex(
    `ffff${toHex(encodeEnvelope({ expiry: 9, ttl: 1, topic: fromHex('01020304'), data: fromHex('aabb'), nonce: 1n }).raw)}`
  )
  const envelope = decodeEnvelope(packet.subarray(2))
  for (const view of [envelope.raw, envelope.topic, envelope.data]) assert.equal(view.buffer, packet.buffer)
})

test('any bytes are valid data of an envelope [PAY-12]', () => {
  for (const data of [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(0x80), new Uint8Array(70_000).fill(0xff)]) {
    const envelope = encodeEnvelope({ expiry: 20, ttl: 10, topic: fromHex('01020304'), data, nonce: 0n })
    assert.equal(toHex(decodeEnvelope(envelope.raw).data), toHex(data))
  }
})

const good = ['0a', '01', '8401020304', '82aabb', '01']
const listOf = (items: string[]): string => toHex(encodeList(items.map(fromHex)))
const having = (index: number, item: string): string => listOf(good.with(index, item))

const refused: [why: string, hex: string][] = [
  ['four items', listOf(good.slice(0, 4))],
  ['six items', listOf([...good, '01'])],
  ['no items', 'c0'],
  ['a string for a list', '8401020304'],
  ['an expiry of 5 bytes', having(0, '850100000000')],
  ['an expiry with a leading zero', having(0, '82000a')],
  ['an expiry of one zero byte', having(0, '00')],
  ['a ttl with a header it does not need', having(1, '8101')],
  ['a ttl of 5 bytes', having(1, '850100000000')],
  ['a ttl that is a list', having(1, 'c0')],
  ['a topic of 3 bytes', having(2, '83010203')],
  ['a topic of 5 bytes', having(2, '850102030405')],
  ['a topic that is a list', having(2, 'c401020304')],
  ['an empty topic', having(2, '80')],
  ['data that is a list', having(3, 'c101')],
  ['data with a length in the long form', having(3, 'b802aabb')],
  ['a nonce of 9 bytes', having(4, '89010000000000000000')],
  ['a nonce with a leading zero', having(4, '820001')],
  ['a nonce of one zero byte', having(4, '00')],
  ['a nonce that is a list', having(4, 'c0')],
  ['a byte after the list', `${listOf(good)}00`],
  ['a list longer than the bytes', listOf(good).replace('cb', 'cc')],
  ['a list shorter than the bytes', listOf(good).replace('cb', 'ca')],
  ['a list length in the long form', listOf(good).replace('cb', 'f80b')]
]

for (const [why, hex] of refused) {
  test(`refuses an envelope with ${why}`, () => assert.throws(() => decodeEnvelope(fromHex(hex)), MalformedError))
}

test('the one that these were made from is accepted', () => {
  assert.equal(listOf(good), 'cb0a01840102030482aabb01')
  assert.equal(decodeEnvelope(fromHex(listOf(good))).nonce, 1n)
})

test('an envelope with a byte changed is refused, or is just those bytes [MAIL-03]', () => {
  fc.assert(
    fc.property(fields, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, position, change) => {
      const bytes = encodeEnvelope(value).raw.slice()
      const at = position % bytes.length
      bytes[at] = (bytes[at] as number) ^ change
      try {
        const envelope = decodeEnvelope(bytes)
        assert.equal(toHex(encodeEnvelope(envelope).raw), toHex(bytes))
      } catch (error) {
        assert.ok(error instanceof MalformedError)
      }
    }),
    { numRuns: 1000 }
  )
})

test('refuses to write fields that are out of range', () => {
  const good = { expiry: 1, ttl: 1, topic: new Uint8Array(4), data: new Uint8Array(0), nonce: 0n }
  const bad = [
    { expiry: -1 },
    { expiry: 2 ** 32 },
    { ttl: 0.5 },
    { topic: new Uint8Array(3) },
    { nonce: -1n },
    { nonce: 1n << 64n }
  ]
  for (const change of bad) assert.throws(() => encodeEnvelope({ ...good, ...change }), UnencodableError)
})
