import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import {
  bloomMatches,
  bloomOf,
  envelopeMatchesBloom,
  fullBloom,
  isFullBloom,
  lossyTopicBloom,
  topicBloom
} from '../../src/wire/envelope/bloom.js'

const topic = fc.uint8Array({ minLength: 4, maxLength: 4 })

function setBits(bloom: Uint8Array): number[] {
  return Array.from({ length: 512 }, (_, n) => n).filter(n => (bloom[n >> 3] as number) & (1 << (n & 7)))
}

test('sets the published bits of a topic', () => {
  assert.deepEqual(setBits(topicBloom(fromHex('0000ff06'))), [0, 256, 511])
  assert.deepEqual(setBits(lossyTopicBloom(fromHex('0000ff06'))), [0, 256, 511])
})

test('announces every bit, and matches by the bits that deployed programs keep [D-06]', () => {
  assert.deepEqual(setBits(topicBloom(fromHex('00010200'))), [0, 1, 2])
  assert.deepEqual(setBits(lossyTopicBloom(fromHex('00010200'))), [2])
  assert.equal(envelopeMatchesBloom(lossyTopicBloom(fromHex('00010200')), fromHex('00010200')), true)
  assert.equal(envelopeMatchesBloom(topicBloom(fromHex('00010200')), fromHex('00010200')), true)
})

test('the lossy filter is a part of the correct one, so either kind of filter finds its own topic [D-06]', () => {
  fc.assert(
    fc.property(fc.array(topic, { minLength: 1, maxLength: 20 }), topics => {
      const filter = bloomOf(topics)
      for (const one of topics) {
        assert.ok(bloomMatches(topicBloom(one), lossyTopicBloom(one)))
        assert.ok(envelopeMatchesBloom(filter, one))
        assert.ok(envelopeMatchesBloom(lossyTopicBloom(one), one))
      }
    })
  )
})

test('a full or empty filter wants everything, one of zeros nothing [WAKU-36]', () => {
  fc.assert(
    fc.property(topic, one => {
      assert.equal(envelopeMatchesBloom(fullBloom(), one), true)
      assert.equal(envelopeMatchesBloom(new Uint8Array(0), one), true)
      assert.equal(envelopeMatchesBloom(new Uint8Array(64), one), false)
    })
  )
  assert.equal(isFullBloom(fullBloom()), true)
  assert.equal(isFullBloom(new Uint8Array(64)), false)
})

test('a full filter that was changed does not change the next one', () => {
  fullBloom().fill(0)
  assert.equal(toHex(fullBloom()), 'ff'.repeat(64))
})

test('testing an envelope against a filter is testing its lossy filter, topic by topic [D-06]', () => {
  let state = 1
  const byte = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return state >>> 24
  }
  for (let round = 0; round < 5000; round++) {
    // low bits, so that bits of a topic often share a byte
    const topic = Uint8Array.of(byte() & 31, byte() & 31, byte() & 31, byte())
    const filter = new Uint8Array(64).map(() => byte() | byte())
    assert.equal(envelopeMatchesBloom(filter, topic), bloomMatches(filter, lossyTopicBloom(topic)))
  }
})
