import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from '../../src/archive/database/files/crc32c.js'
import { Prng } from './prng.js'

test('checksums are those of RFC 3720, appendix B.4', () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i)
  assert.equal(crc32c(new Uint8Array(32)), 0x8a91_36aa)
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8_ab43)
  assert.equal(crc32c(ascending), 0x46dd_794e)
  assert.equal(crc32c(ascending.toReversed()), 0x113f_db5c)
})

test('wherever bytes lie in memory, and however many they are, their checksum is the same as bit by bit', () => {
  const memory = new Prng(3).bytes(120)
  for (let offset = 0; offset < 8; offset++)
    for (let from = 0; from < 20; from++)
      for (let length = 0; length < 80; length++) {
        const bytes = memory.subarray(offset)
        assert.equal(crc32c(bytes, from, from + length), bitByBit(bytes.subarray(from, from + length)))
      }
})

function bitByBit(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1
  }
  return ~crc >>> 0
}
