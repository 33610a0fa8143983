import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { type Envelope, encodeEnvelope, encodeShortRlp } from '../../src/wire/envelope/envelope.js'
import { acceptablePow, mineRange, miningBits, powOf } from '../../src/wire/envelope/pow.js'
import { keccak256, keccakAfter, leadingZeroBits, useKeccak } from '../../src/wire/keccak.js'

const tiny = (nonce: bigint): Envelope =>
  encodeEnvelope({ expiry: 0, ttl: 1, topic: new Uint8Array(4), data: fromHex('deadbeef'), nonce })
const large = (nonce: bigint): Envelope =>
  encodeEnvelope({ expiry: 100_000, ttl: 30, topic: new Uint8Array(4), data: new Uint8Array(256).fill(9), nonce })

test('has the published proofs of work [WAKU-33, D-13]', () => {
  assert.equal(toHex(tiny(100_000n).powHash), 'a788e02a95bfc673709e97ca81e39ca903bad5638d3388964c51eb64952172d6')
  assert.equal(powOf(tiny(100_000n)), 0.07692307692307693)
  assert.equal(toHex(tiny(276n).powHash), '00e2374c6353c243e4073e209a7f2acb2506522af318b3b78cf9a88310a2a11c')
  assert.equal(powOf(tiny(276n)), 19.692307692307693)
  assert.equal(powOf(large(1010101n)), 0.00012254901960784314)
  assert.equal(powOf(large(1010102n)), 0.00024509803921568627)
  assert.equal(powOf(large(1010103n)), 0.0004901960784313725)
})

test('counts the leading zero bits of a hash', () => {
  assert.equal(leadingZeroBits(fromHex('ff')), 0)
  assert.equal(leadingZeroBits(fromHex('01')), 7)
  assert.equal(leadingZeroBits(fromHex('0080')), 8)
  assert.equal(leadingZeroBits(new Uint8Array(32)), 256)
})

test('a TTL of 0 is infinite work, a TTL that wraps to 0 too, unless a least TTL is asked', () => {
  const envelope = encodeEnvelope({ expiry: 0, ttl: 0, topic: new Uint8Array(4), data: new Uint8Array(9), nonce: 0n })
  assert.equal(powOf(envelope), Number.POSITIVE_INFINITY)
  assert.equal(acceptablePow(envelope, 1e9), true)
  assert.equal(acceptablePow(envelope, 1e9, { minTtl: 1 }), false)
})

test('seconds ahead of our clock count as TTL', () => {
  assert.equal(powOf(tiny(276n), { extraTtl: 1 }), 19.692307692307693 / 2)
  assert.equal(acceptablePow(tiny(276n), 19), true)
  assert.equal(acceptablePow(tiny(276n), 19, { extraTtl: 1 }), false)
})

test('accepts what either size definition in use accepts [D-13]', () => {
  // no zero bits: 1 / 13 by the list of 13 bytes, 1 / 24 by 20 bytes and the data
  assert.equal(acceptablePow(tiny(100_000n), 1 / 13), true)
  assert.equal(acceptablePow(tiny(100_000n), 1 / 13 + 1e-9), false)
  assert.equal(acceptablePow(large(1010103n), 4 / 272 / 30), true)
  // with long data and large numbers 20 bytes and the data is the smaller of the two
  const ttl = 0x0100_0000
  const huge = encodeEnvelope({
    expiry: 0xffff_ffff,
    ttl,
    topic: new Uint8Array(4),
    data: new Uint8Array(70_000),
    nonce: 0n
  })
  const work = 2 ** leadingZeroBits(huge.powHash)
  assert.ok(huge.shortSize > 70_020)
  assert.ok(powOf(huge) < work / (70_020 * ttl))
  assert.equal(acceptablePow(huge, work / (70_020 * ttl)), true)
  assert.equal(acceptablePow(huge, work / (70_019 * ttl)), false)
})

test('what was mined meets the target under every size definition in use [D-13]', () => {
  for (const target of [0.000002, 0.002, 0.2, 1]) {
    for (const length of [0, 4, 256, 3000]) {
      const fields = { expiry: 1_700_000_060, ttl: 3, topic: fromHex('01020304'), data: new Uint8Array(length).fill(7) }
      const bits = miningBits(fields, target)
      const nonce = mineRange(encodeShortRlp(fields), bits, 0n, 1_000_000)
      assert.ok(nonce !== undefined)
      const envelope = encodeEnvelope({ ...fields, nonce })
      const work = 2 ** leadingZeroBits(envelope.powHash)
      for (const size of [envelope.shortSize, 20 + length, envelope.size]) {
        assert.ok(work / (size * fields.ttl) >= target, `target ${target}, length ${length}, size ${size}`)
      }
    }
  }
})

test('asks for no more bits than needed, at least one, and none without a target', () => {
  const fields = { expiry: 0, ttl: 50, topic: new Uint8Array(4), data: new Uint8Array(400) }
  assert.equal(miningBits(fields, 0), 0)
  assert.equal(miningBits(fields, 1e-9), 1)
  assert.equal(miningBits(fields, 0.002), 6)
  assert.equal(miningBits({ ...fields, ttl: 0 }, 0.02), miningBits({ ...fields, ttl: 1 }, 0.02))
})

test('mining is a pure step over a range of nonces', () => {
  const short = encodeShortRlp(tiny(0n))
  assert.equal(mineRange(short, 8, 276n, 1), 276n)
  const first = mineRange(short, 8, 0n, 277)
  assert.ok(first !== undefined && first <= 276n)
  assert.equal(mineRange(short, 8, 0n, Number(first)), undefined)
  assert.equal(mineRange(short, 8, (1n << 64n) - 2n, 100_000), undefined)
})

test('hashing behind a prefix is hashing the whole', () => {
  const prefix = new Uint8Array(1000).fill(3)
  const hash = keccakAfter(prefix)
  for (const suffix of [new Uint8Array(8), new Uint8Array(8).fill(1)]) {
    const whole = new Uint8Array(1008)
    whole.set(prefix)
    whole.set(suffix, 1000)
    assert.deepEqual(hash(suffix), keccak256(whole))
  }
})

test('another Keccak can be put in place', () => {
  const seen: number[] = []
  try {
    useKeccak(bytes => {
      seen.push(bytes.length)
      return new Uint8Array(32).fill(5)
    })
    assert.deepEqual(keccak256(new Uint8Array(3)), new Uint8Array(32).fill(5))
    assert.deepEqual(seen, [3])
  } finally {
    useKeccak()
  }
  assert.equal(toHex(keccak256(new Uint8Array(0))), 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470')
})

test('work is looked at only where it matters [WAKU-33]', () => {
  let hashed = 0
  useKeccak(bytes => {
    hashed++
    return keccak_256(bytes)
  })
  try {
    const envelope = tiny(0n)
    const least = 1 / envelope.shortSize / envelope.ttl
    assert.equal(acceptablePow(envelope, least / 2), true)
    assert.equal(hashed, 0)
    assert.equal(acceptablePow(envelope, 2 ** 60), false)
    assert.equal(hashed, 1)
  } finally {
    useKeccak()
  }
})
