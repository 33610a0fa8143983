import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareBytes, fromHex, toHex } from '../../src/wire/bytes.js'
import { MalformedError, UnencodableError } from '../../src/wire/errors.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { decodeCoverageAnswer, encodeCoverageAnswer } from '../../src/wire/request/coverage.js'
import {
  type DigestPart,
  decodeDigestQuestion,
  encodeDigestQuestion,
  equalTimes,
  fingerprintOf,
  hashesPerPart
} from '../../src/wire/request/digest.js'
import { Fingerprint } from '../../src/wire/request/fingerprint.js'
import { decodeSequenceCursor, encodeSequenceCursor } from '../../src/wire/request/sequence-cursor.js'
import { decodeItem, encodeList, encodeString, encodeUint } from '../../src/wire/rlp.js'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const uint32 = fc.nat({ max: 0xffff_ffff })
const list = (...items: Uint8Array[]) => decodeItem(encodeList(items))

/** The sum as the document defines it, by large integers. */
function summed(salt: Uint8Array, hashes: readonly Uint8Array[]): string {
  let sum = 0n
  for (const hash of hashes) sum += BigInt(`0x${toHex(keccak256(Uint8Array.from([...salt, ...hash])))}`)
  return (sum % 2n ** 256n).toString(16).padStart(64, '0')
}

test('a fingerprint is the sum of the salted hashes modulo 2^256, in whatever order and parts', () => {
  fc.assert(
    fc.property(bytes(16), fc.array(bytes(32), { maxLength: 40 }), fc.nat({ max: 40 }), (salt, hashes, cut) => {
      const [one, other] = [new Fingerprint(salt), new Fingerprint(salt)]
      for (const hash of hashes.slice(cut)) one.add(hash)
      for (const hash of hashes.slice(0, cut).reverse()) other.add(hash)
      one.merge(other)
      assert.equal(toHex(one.bytes), summed(salt, hashes))
      assert.equal(one.count, hashes.length)
    })
  )
})

test('adding on after it was read changes nothing of the sum', () => {
  const salt = new Uint8Array(16)
  const hashes = Array.from({ length: 9 }, (_, i) => new Uint8Array(32).fill(0xf0 + i))
  const sum = new Fingerprint(salt)
  for (const hash of hashes) {
    sum.add(hash)
    assert.equal(sum.bytes.length, 32)
  }
  assert.equal(toHex(sum.bytes), summed(salt, hashes))
})

test('a sequence cursor is an archive id and a number', () => {
  const archiveId = fromHex('0102030405060708')
  assert.equal(toHex(encodeSequenceCursor({ archiveId, seq: 42 })), '0102030405060708000000000000002a')
  fc.assert(
    fc.property(bytes(8), fc.maxSafeNat(), (archiveId, seq) => {
      assert.deepEqual(decodeSequenceCursor(encodeSequenceCursor({ archiveId, seq })), { archiveId, seq })
    })
  )
  for (const wrong of [new Uint8Array(0), new Uint8Array(15), new Uint8Array(17), new Uint8Array(16).fill(0xff)])
    assert.throws(() => decodeSequenceCursor(wrong), MalformedError)
  for (const seq of [-1, 0.5, 2 ** 53]) assert.throws(() => encodeSequenceCursor({ archiveId, seq }), UnencodableError)
  assert.throws(() => encodeSequenceCursor({ archiveId: new Uint8Array(7), seq: 1 }), UnencodableError)
})

test('the question for a digest is read as it was written; salt and parts have bounds', () => {
  const by = fc.constantFrom('time' as const, 'count' as const)
  const salt = fc.uint8Array({ minLength: 16, maxLength: 64 })
  fc.assert(
    fc.property(salt, fc.integer({ min: 1, max: 64 }), by, (salt, parts, by) => {
      assert.deepEqual(decodeDigestQuestion(decodeItem(encodeDigestQuestion({ salt, parts, by }))), { salt, parts, by })
    })
  )
  const coverage = { salt: new Uint8Array(0), parts: 0, by: 'time' as const }
  assert.deepEqual(decodeDigestQuestion(decodeItem(encodeDigestQuestion(coverage))), coverage)
  for (const [length, parts] of [
    [0, 1],
    [15, 1],
    [65, 1],
    [65, 0],
    [16, 65],
    [16, 1000]
  ] as const) {
    const salt = new Uint8Array(length)
    assert.throws(() => encodeDigestQuestion({ salt, parts, by: 'time' }), UnencodableError, `${length} ${parts}`)
    assert.throws(() => decodeDigestQuestion(list(encodeString(salt), encodeUint(parts))), MalformedError)
  }
  const good = encodeString(new Uint8Array(16))
  for (const items of [
    [],
    [good],
    [good, encodeList([])],
    [encodeList([]), encodeUint(1)],
    [good, encodeUint(1), encodeUint(2)]
  ])
    assert.throws(() => decodeDigestQuestion(list(...items)), MalformedError)
  assert.throws(() => decodeDigestQuestion(decodeItem(encodeString(new Uint8Array(3)))), MalformedError)
})

test('parts of equal time cover the range without a gap', () => {
  fc.assert(
    fc.property(uint32, uint32, fc.integer({ min: 1, max: 64 }), (a, b, parts) => {
      const [lower, upper] = [Math.min(a, b), Math.max(a, b)]
      const uppers = equalTimes(lower, upper, parts)
      assert.equal(uppers.length, Math.min(parts, upper - lower + 1))
      assert.equal(uppers.at(-1), upper)
      uppers.forEach((end, i) => {
        const length = end - (i === 0 ? lower - 1 : (uppers[i - 1] as number))
        assert.ok(Math.abs(length - (upper - lower + 1) / uppers.length) < 1)
      })
    })
  )
})

test('coverage and digests are read as they were written', () => {
  const gap = fc
    .record({ from: uint32, until: uint32, kind: fc.nat(), count: fc.nat() }, { noNullPrototype: true })
    .map(gap => ({ ...gap, from: Math.min(gap.from, gap.until), until: Math.max(gap.from, gap.until) }))
  const coverage = fc.record(
    { since: uint32, oldest: uint32, sequence: bytes(16), more: fc.boolean(), gaps: fc.array(gap, { maxLength: 8 }) },
    { noNullPrototype: true }
  )
  const contents = fc.array(
    fc.oneof(fc.uniqueArray(bytes(32), { comparator: (a, b) => toHex(a) === toHex(b), maxLength: 4 }), fc.nat()),
    { maxLength: 64 }
  )
  fc.assert(
    fc.property(coverage, contents, bytes(32), (coverage, contents, fingerprint) => {
      const digests = contents.map((content, i): DigestPart => {
        const bounds = { lower: i * 10, upper: i * 10 + 9 }
        if (typeof content === 'number') return { ...bounds, count: content, fingerprint }
        return { ...bounds, count: content.length, hashes: content.sort(compareBytes) }
      })
      const answer = { coverage, digests }
      assert.deepEqual(decodeCoverageAnswer(decodeItem(encodeCoverageAnswer(answer))), answer)
    })
  )
})

test('digests that overlap, count wrongly or are out of order are refused', () => {
  const coverage = { since: 0, oldest: 0, sequence: new Uint8Array(16), more: false, gaps: [] }
  const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  const good: DigestPart = { lower: 5, upper: 9, count: 2, hashes: [a, b] }
  const refused: DigestPart[][] = [
    [{ ...good, lower: 10 }],
    [{ ...good, count: 3 }],
    [{ ...good, hashes: [b, a] }],
    [{ ...good, hashes: [a, a] }],
    [good, { ...good, upper: 20 }],
    [{ lower: 5, upper: 9, count: 2, fingerprint: new Uint8Array(31) }]
  ]
  const read = (digests: DigestPart[]) => decodeCoverageAnswer(decodeItem(encodeCoverageAnswer({ coverage, digests })))
  assert.deepEqual(read([good]).digests, [good])
  for (const digests of refused) assert.throws(() => read(digests), MalformedError)
})

test('hashes in place of a fingerprint give the same fingerprint', () => {
  const salt = new Uint8Array(16).fill(7)
  const hashes = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  const sum = new Fingerprint(salt)
  for (const hash of hashes) sum.add(hash)
  const bounds = { lower: 0, upper: 1, count: 2 }
  assert.deepEqual(fingerprintOf({ ...bounds, hashes }, salt), sum.bytes)
  assert.deepEqual(fingerprintOf({ ...bounds, fingerprint: sum.bytes }, salt), sum.bytes)
  assert.deepEqual([1, 2, 64].map(hashesPerPart), [256, 128, 4])
})
