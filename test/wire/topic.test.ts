import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareBytes, equalBytes, fromHex, readUint32, toHex, writeUint32 } from '../../src/wire/bytes.js'
import { parseTopic, topicFromName, topicFromNumber, topicNumber } from '../../src/wire/envelope/topic.js'
import { MalformedError, UnencodableError } from '../../src/wire/errors.js'
import { decodeCursor, encodeCursor } from '../../src/wire/request/cursor.js'

test('a name becomes the first bytes of its Keccak-256', () => {
  assert.equal(toHex(topicFromName('status')), 'cd423760')
  assert.equal(toHex(parseTopic('status')), 'cd423760')
})

test('a topic is read from 8 hexadecimal digits, a contact code is a name, other digits are a slip', () => {
  assert.equal(toHex(parseTopic('0xDEADbeef')), 'deadbeef')
  assert.equal(toHex(parseTopic('deadbeef')), toHex(topicFromName('deadbeef')))
  assert.equal(toHex(parseTopic('0x04ab-contact-code')), toHex(topicFromName('0x04ab-contact-code')))
  for (const text of ['', '0x', '0x1234', '0x123456789']) assert.throws(() => parseTopic(text), MalformedError)
})

test('a topic is a number and back', () => {
  assert.equal(topicNumber(fromHex('ff000001')), 0xff00_0001)
  assert.equal(toHex(topicFromNumber(0xff00_0001)), 'ff000001')
})

test('a cursor is 36 bytes that name the last envelope [D-04]', () => {
  const hash = new Uint8Array(32).fill(7)
  const cursor = encodeCursor(0x0102_0304, hash)
  assert.equal(toHex(cursor), `01020304${'07'.repeat(32)}`)
  assert.deepEqual(decodeCursor(cursor), { sent: 0x0102_0304, hash })
  for (const length of [0, 32, 35, 37, 40]) assert.throws(() => decodeCursor(new Uint8Array(length)), MalformedError)
  assert.throws(() => encodeCursor(2 ** 32, hash), UnencodableError)
  assert.throws(() => encodeCursor(1, new Uint8Array(31)), UnencodableError)
})

test('cursors order as bytes do, by time and then by hash [D-04]', () => {
  const low = new Uint8Array(32)
  const high = new Uint8Array(32).fill(0xff)
  assert.ok(compareBytes(encodeCursor(1, high), encodeCursor(2, low)) < 0)
  assert.ok(compareBytes(encodeCursor(2, high), encodeCursor(2, low)) > 0)
  assert.equal(compareBytes(low, low.slice()), 0)
  assert.ok(compareBytes(fromHex('01'), fromHex('0100')) < 0)
  assert.equal(equalBytes(fromHex('0100'), fromHex('0100')), true)
  assert.equal(equalBytes(fromHex('01'), fromHex('0100')), false)
  assert.equal(equalBytes(fromHex('0101'), fromHex('0100')), false)
})

test('hexadecimal is read strictly', () => {
  assert.equal(toHex(fromHex('0xAb')), 'ab')
  for (const text of ['a', '0x0', 'zz', '0x 1', '1.', '-1']) assert.throws(() => fromHex(text), MalformedError)
})

test('integers of four bytes are read and written in full', () => {
  assert.equal(readUint32(fromHex('00ffffffff'), 1), 0xffff_ffff)
  assert.equal(toHex(writeUint32(0xffff_ffff)), 'ffffffff')
  assert.equal(toHex(writeUint32(0)), '00000000')
  assert.throws(() => readUint32(fromHex('010203')), MalformedError)
  assert.throws(() => writeUint32(-1), UnencodableError)
})
