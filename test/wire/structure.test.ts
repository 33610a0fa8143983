import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.js'
import { MalformedError } from '../../src/wire/errors.js'
import { encodeList, listHeader } from '../../src/wire/rlp.js'
import { children, decodeItem, decodeList, encodeStructure, itemOf, leading, uint } from '../../src/wire/structure.js'

/** A list in a list, so many deep. */
function nested(depth: number): Uint8Array {
  let bytes = encodeList([])
  for (let i = 1; i < depth; i++) bytes = encodeList([bytes])
  return bytes
}

test('a structure is read and written as it was', () => {
  const bytes = fromHex('d180c08201027fc6850102030405c3c20180')
  const item = decodeItem(bytes)
  assert.equal(toHex(item.raw), toHex(bytes))
  assert.deepEqual(
    children(item).map(({ isList, empty }) => [isList, empty]),
    [
      [false, true],
      [true, true],
      [false, false],
      [false, false],
      [true, false],
      [true, false]
    ]
  )
  assert.equal(toHex(encodeStructure([uint(0), uint(0x80), uint(2n ** 63n)])), 'cc808180888000000000000000')
  assert.equal(toHex(itemOf([uint(1), [uint(2)]]).payload), '01c102')
})

test('what is nested too deep is refused before it is copied once for each level', () => {
  assert.equal(decodeItem(nested(32)).isList, true)
  assert.throws(() => decodeItem(nested(33)), MalformedError)
  assert.throws(() => decodeItem(nested(30_000)), MalformedError)
})

test('more items than any packet needs are refused before an array of them is made', () => {
  const many = (count: number): Uint8Array => concatBytes(listHeader(count), new Uint8Array(count).fill(0x80))
  assert.equal(decodeList(many(16_384)).length, 16_384)
  assert.throws(() => decodeList(many(16_385)), MalformedError)
  const before = process.memoryUsage().arrayBuffers
  assert.throws(() => decodeItem(many(8 * 1024 * 1024)), MalformedError)
  assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024 + 2 * 8 * 1024 * 1024)
  // spread over levels
  assert.throws(() => decodeItem(encodeList([many(50_000), many(50_000)])), MalformedError)
})

test('non-canonical RLP is refused at every level, also in what is ignored', () => {
  for (const hex of ['c20181', 'c38101c0', 'c4c3810180', 'c5c4c3b80180', 'c3f90000', 'c101ff']) {
    assert.throws(() => decodeItem(fromHex(hex)), MalformedError, hex)
    assert.throws(() => leading(decodeItem(fromHex(hex)), 1), MalformedError, hex)
  }
})

test('what was read does not keep its packet in memory', () => {
  const packet = Buffer.alloc(1024)
  packet.set(fromHex('c88720202020202020'), 100)
  const [item] = leading(decodeItem(packet.subarray(100, 109)), 1)
  packet.fill(0)
  assert.equal(toHex(item.payload), '20'.repeat(7))
  assert.notEqual(item.payload.buffer, packet.buffer)
})
