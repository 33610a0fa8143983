import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { fullBloom } from '../../src/wire/envelope/bloom.js'
import { MalformedError, UnencodableError } from '../../src/wire/errors.js'
import {
  decodeStatusOptions,
  encodeStatusOptions,
  MAX_TOPIC_INTEREST,
  type StatusOptions
} from '../../src/wire/packet/status.js'
import { waku1Status } from '../../src/wire/packet/status-codec.js'
import { encodeList, encodeString, encodeUint } from '../../src/wire/rlp.js'

const figure = fc.nat({ max: 2 ** 31 })
const limits = fc.record({ ip: figure, peer: figure, topic: figure })
const options: fc.Arbitrary<StatusOptions> = fc.record(
  {
    pow: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    bloom: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    light: fc.boolean(),
    confirmations: fc.boolean(),
    packetLimits: limits,
    topics: fc.array(fc.uint8Array({ minLength: 4, maxLength: 4 }), { maxLength: 5 }),
    byteLimits: limits
  },
  { requiredKeys: [] }
)

const pair = (key: number, value: Uint8Array): Uint8Array => encodeList([encodeUint(key), value])
const bits = (hex: string): Uint8Array => pair(0, encodeString(fromHex(hex)))
const decodePairs = (...pairs: Uint8Array[]): StatusOptions => decodeStatusOptions(encodeList(pairs))

test('options are an association list, and each of them may be left out [WAKU-24, WAKU-25]', () => {
  fc.assert(
    fc.property(options, value => {
      const body = encodeStatusOptions(value)
      const again = decodeStatusOptions(body)
      assert.deepEqual(Object.keys(again).sort(), Object.keys(value).sort())
      assert.equal(again.pow, value.pow === 0 ? 0 : value.pow)
      assert.equal(toHex(encodeStatusOptions(again)), toHex(body))
    })
  )
  assert.equal(toHex(encodeStatusOptions({})), 'c0')
  assert.deepEqual(decodeStatusOptions(fromHex('c0')), {})
})

test('has the published bytes [WAKU-24, WAKU-32]', () => {
  const none = { ip: 0, peer: 0, topic: 0 }
  const full = {
    pow: 0.002,
    bloom: fullBloom(),
    light: false,
    confirmations: true,
    packetLimits: none,
    byteLimits: none
  }
  const expected = `f862ca80883f60624dd2f1a9fcf84301b840${'ff'.repeat(64)}c20280c20301c504c3808080c506c3808080`
  assert.equal(toHex(encodeStatusOptions(full)), expected)
  const topics = { pow: 0.002, light: false, topics: [fromHex('12345678')] }
  assert.equal(toHex(encodeStatusOptions(topics)), 'd6ca80883f60624dd2f1a9fcc20280c705c58412345678')
})

test('pairs come in any order [WAKU-26]', () => {
  const light = pair(2, encodeUint(1))
  const topics = pair(5, encodeList([encodeString(fromHex('01020304'))]))
  const pow = bits('3f60624dd2f1a9fc')
  for (const order of [
    [light, topics, pow],
    [pow, light, topics],
    [topics, pow, light]
  ]) {
    assert.deepEqual(decodePairs(...order), { light: true, topics: [fromHex('01020304')], pow: 0.002 })
  }
})

test('unknown keys are ignored wherever they stand [WAKU-27, WAKU-60]', () => {
  const light = pair(2, encodeUint(1))
  const unknown = [
    pair(7, encodeUint(9)),
    pair(99, encodeList([encodeUint(1), encodeList([])])),
    pair(0xffff_ffff, encodeUint(1)),
    encodeList([encodeString(new Uint8Array(20).fill(0x41)), encodeUint(1)]),
    encodeList([encodeString(new Uint8Array(20)), encodeUint(1)])
  ]
  for (const one of unknown) {
    assert.deepEqual(decodePairs(one, light), { light: true })
    assert.deepEqual(decodePairs(light, one), { light: true })
  }
  assert.deepEqual(decodePairs(...unknown), {})
})

test('further items of a pair are ignored, and of a repeated key the last one holds', () => {
  assert.deepEqual(decodePairs(encodeList([encodeUint(2), encodeUint(1), encodeUint(7)])), { light: true })
  assert.deepEqual(decodePairs(pair(2, encodeUint(1)), pair(2, encodeUint(0))), { light: false })
})

test('a proof of work is finite and not negative, and written as its 64 bits [WAKU-32]', () => {
  assert.equal(decodePairs(bits('')).pow, 0)
  assert.equal(decodePairs(bits('8000000000000000')).pow, 0)
  assert.equal(decodePairs(bits('01')).pow, 5e-324)
  for (const hex of [
    '7ff8000000000000',
    'fff8000000000000',
    '7ff0000000000000',
    'fff0000000000000',
    'bf60624dd2f1a9fc'
  ]) {
    assert.throws(() => decodePairs(bits(hex)), MalformedError, hex)
  }
  assert.throws(() => decodePairs(bits('013f60624dd2f1a9fc')), MalformedError)
  for (const pow of [Number.NaN, Number.POSITIVE_INFINITY, -0.1]) {
    assert.throws(() => encodeStatusOptions({ pow }), UnencodableError)
  }
  assert.equal(toHex(encodeStatusOptions({ pow: -0 })), 'c3c28080')
})

test('a bloom filter is 64 bytes; an empty one is full [WAKU-36]', () => {
  assert.deepEqual(decodePairs(pair(1, encodeString(new Uint8Array(0)))), { bloom: fullBloom() })
  for (const length of [1, 63, 65, 128]) {
    assert.throws(() => decodePairs(pair(1, encodeString(new Uint8Array(length)))), MalformedError)
  }
  assert.throws(() => decodePairs(pair(1, fromHex('c0'))), MalformedError)
  assert.throws(() => encodeStatusOptions({ bloom: new Uint8Array(63) }), UnencodableError)
})

test('a wrong bloom filter is refused beside topics too', () => {
  const topics = pair(5, encodeList([]))
  assert.throws(() => decodePairs(topics, pair(1, encodeString(new Uint8Array(63)))), MalformedError)
})

test('topic interest is at most 10000 topics of 4 bytes; an empty list is there [WAKU-39]', () => {
  const topics = (count: number): Uint8Array[] => Array.from({ length: count }, () => new Uint8Array(4))
  assert.deepEqual(decodePairs(pair(5, encodeList([]))), { topics: [] })
  const most = encodeStatusOptions({ topics: topics(MAX_TOPIC_INTEREST) })
  assert.equal(decodeStatusOptions(most).topics?.length, 10_000)
  const items = topics(MAX_TOPIC_INTEREST + 1).map(encodeString)
  assert.throws(() => decodePairs(pair(5, encodeList(items))), MalformedError)
  assert.throws(() => encodeStatusOptions({ topics: topics(MAX_TOPIC_INTEREST + 1) }), UnencodableError)
  for (const hex of ['83010203', '850102030405', '80', 'c401020304']) {
    assert.throws(() => decodePairs(pair(5, encodeList([fromHex(hex)]))), MalformedError, hex)
  }
})

test('rate limits are three figures, the largest of which are read as what a number can hold', () => {
  const value = encodeList([encodeUint((1n << 64n) - 1n), encodeUint(5), encodeUint(0)])
  assert.deepEqual(decodePairs(pair(4, value)).packetLimits, { ip: Number.MAX_SAFE_INTEGER, peer: 5, topic: 0 })
  assert.throws(() => decodePairs(pair(6, fromHex('c20102'))), MalformedError)
  assert.throws(() => decodePairs(pair(6, fromHex('80'))), MalformedError)
})

const refused: [why: string, hex: string][] = [
  ['a string', '80'],
  ['a pair that is a string', 'c102'],
  ['a pair without a value', 'c2c102'],
  ['an empty pair', 'c1c0'],
  ['a key that is a list', 'c3c2c001'],
  ['a key with a leading zero', 'c3c20001'],
  ['a flag of 2', 'c3c20202'],
  ['a flag that is a list', 'c3c202c0'],
  ['a version before the list', 'cd01cbca80884000666666666666'],
  ['a pair cut short', 'c2c202']
]

for (const [why, hex] of refused) {
  test(`refuses options with ${why}`, () => assert.throws(() => decodeStatusOptions(fromHex(hex)), MalformedError))
}

test('an update is the same list under its own code, and any other code is none', () => {
  const [update] = waku1Status.encodeUpdate({ light: true })
  assert.deepEqual(update, { code: 0x16, body: fromHex('c3c20201') })
  assert.deepEqual(waku1Status.decodeUpdate(0x16, fromHex('c3c20201')), { light: true })
  assert.equal(waku1Status.decodeUpdate(0x02, fromHex('c3c20201')), undefined)
  assert.deepEqual(waku1Status.decodeStatus(waku1Status.encodeStatus({ confirmations: true })), { confirmations: true })
})
