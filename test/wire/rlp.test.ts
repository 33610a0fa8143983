import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RLP } from '@ethereumjs/rlp'
import fc from 'fast-check'
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.js'
import { MalformedError, UnencodableError } from '../../src/wire/errors.js'
import {
  children,
  decodeBigUint,
  decodeItem,
  decodeList,
  decodeUint,
  encodeList,
  encodeString,
  encodeUint,
  firstItems,
  listHeader,
  type RlpItem
} from '../../src/wire/rlp.js'

type Nested = Uint8Array | Nested[]

function encode(value: Nested): Uint8Array {
  return Array.isArray(value) ? encodeList(value.map(encode)) : encodeString(value)
}

function decode(item: RlpItem): Nested {
  return item.isList ? children(item).map(decode) : item.payload.slice()
}

const nested = fc.letrec<{ tree: Nested; bytes: Uint8Array; list: Nested[] }>(tie => ({
  tree: fc.oneof({ maxDepth: 4 }, tie('bytes'), tie('list')),
  bytes: fc.uint8Array({ maxLength: 300 }),
  list: fc.array(tie('tree'), { maxLength: 8 })
})).tree

test('writes what another implementation of RLP writes, and reads it back', () => {
  fc.assert(
    fc.property(nested, value => {
      const bytes = encode(value)
      assert.equal(toHex(bytes), toHex(RLP.encode(value)))
      const again = decode(decodeItem(bytes))
      assert.equal(toHex(encode(again)), toHex(bytes))
    }),
    { numRuns: 300 }
  )
})

test('agrees with another implementation on every integer', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), value => {
      const bytes = encodeUint(value)
      assert.equal(toHex(bytes), toHex(RLP.encode(value)))
      assert.equal(decodeBigUint(decodeItem(bytes), { bytes: 8 }), value)
      if (value <= 0xffff_ffffn) {
        assert.equal(decodeUint(decodeItem(bytes), { max: 0xffff_ffff }), Number(value))
        assert.equal(toHex(encodeUint(Number(value))), toHex(bytes))
      }
    })
  )
})

const refused: [why: string, hex: string][] = [
  ['nothing at all', ''],
  ['bytes after the item', 'c000'],
  ['a single byte with a header', '8105'],
  ['a string cut short', '830102'],
  ['a list cut short', 'c201'],
  ['a missing length', 'b8'],
  ['a length cut short', 'b901'],
  ['a short length in the long form', `b837${'00'.repeat(55)}`],
  ['a short list length in the long form', `f837${'00'.repeat(55)}`],
  ['a length with a leading zero', `b90038${'00'.repeat(56)}`],
  ['a claimed length of 2^64 - 1', 'bfffffffffffffffff'],
  ['a claimed list length of 2^64 - 1', 'ffffffffffffffffff'],
  ['a claimed length of 4 GiB', 'fbffffffff00']
]

for (const [why, hex] of refused) {
  test(`refuses ${why}`, () => assert.throws(() => decodeItem(fromHex(hex)), MalformedError))
}

test('looks inside a list only one level deep and only when asked', () => {
  const list = decodeItem(fromHex('c3c28105'))
  const [inner] = children(list)
  assert.equal(toHex(inner?.raw ?? new Uint8Array()), 'c28105')
  assert.throws(() => children(inner as RlpItem), MalformedError)
  assert.throws(() => children(decodeItem(fromHex('820102'))), MalformedError)
})

test('items are views over the bytes, not copies', () => {
  const bytes = fromHex('c483010203')
  const [item] = decodeList(bytes)
  assert.equal(item?.payload.buffer, bytes.buffer)
  bytes[2] = 9
  assert.equal(toHex(item?.payload ?? new Uint8Array()), '090203')
})

test('refuses integers that are not minimal, too long or too large', () => {
  for (const hex of ['00', '820001', '8900ffffffffffffffff', 'c0']) {
    assert.throws(() => decodeUint(decodeItem(fromHex(hex)), { max: 2 ** 48 - 1 }), MalformedError, hex)
    assert.throws(() => decodeBigUint(decodeItem(fromHex(hex)), { bytes: 8 }), MalformedError, hex)
  }
  assert.throws(() => decodeUint(decodeItem(fromHex('850100000000')), { max: 0xffff_ffff }), MalformedError)
  assert.throws(() => decodeBigUint(decodeItem(fromHex('89010000000000000000')), { bytes: 8 }), MalformedError)
})

test('refuses to write a negative, broken or infinite integer', () => {
  for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -1n]) {
    assert.throws(() => encodeUint(value), UnencodableError)
  }
})

test('stops at the allowed number of items', () => {
  const list = encodeList(Array.from({ length: 5 }, () => Uint8Array.of(1)))
  assert.equal(decodeList(list, { max: 5 }).length, 5)
  assert.throws(() => decodeList(list, { max: 4 }), MalformedError)
})

test('leading items are read although more follow, which must be whole', () => {
  const [first] = firstItems(fromHex('c4010203c0'), 1)
  assert.equal(toHex(first.raw), '01')
  const [, second] = firstItems(fromHex('c501c2020304'), 2)
  assert.equal(toHex(second.raw), 'c20203')
  assert.throws(() => firstItems(fromHex('c2018f'), 1), MalformedError)
  assert.throws(() => firstItems(fromHex('c101'), 2), MalformedError)
  assert.throws(() => firstItems(fromHex('01'), 1), MalformedError)
})

test('a list header stands before items that are not copied', () => {
  const items = [encodeString(new Uint8Array(70_000)), encodeUint(7)]
  const length = items.reduce((sum, item) => sum + item.length, 0)
  assert.equal(toHex(concatBytes(listHeader(length), ...items)), toHex(encodeList(items)))
})
