import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex } from '../../src/wire/bytes.js'
import { fullBloom } from '../../src/wire/envelope/bloom.js'
import { mergeStatus, type StatusOptions } from '../../src/wire/packet/status.js'

const bloom = new Uint8Array(64).fill(1)
const topics = [fromHex('01020304')]

test('an update without options changes nothing [WAKU-28]', () => {
  const current: StatusOptions = { pow: 0.1, bloom, light: true, confirmations: true }
  assert.deepEqual(mergeStatus(current, {}), current)
  assert.deepEqual(mergeStatus({ topics }, {}), { topics })
})

test('options that are left out stay as they were [WAKU-29]', () => {
  assert.deepEqual(mergeStatus({ pow: 0.1, bloom, light: true }, { pow: 0 }), { pow: 0, bloom, light: true })
  assert.deepEqual(mergeStatus({ light: true }, { light: undefined, pow: 1 }), { light: true, pow: 1 })
  assert.deepEqual(mergeStatus({ topics, confirmations: true }, { confirmations: false }), {
    topics,
    confirmations: false
  })
})

test('topics beat a bloom filter of the same packet [WAKU-34]', () => {
  assert.deepEqual(mergeStatus({}, { bloom, topics }), { topics })
  assert.deepEqual(mergeStatus({ bloom: fullBloom() }, { bloom, topics: [] }), { topics: [] })
})

test('only a bloom filter puts stored topics out of force [WAKU-35]', () => {
  assert.deepEqual(mergeStatus({ topics }, { bloom }), { bloom })
})

test('only topics put a stored bloom filter out of force [WAKU-38]', () => {
  assert.deepEqual(mergeStatus({ bloom }, { topics }), { topics })
  assert.deepEqual(mergeStatus({ bloom }, { topics: [] }), { topics: [] })
})

test('the options that were merged are not changed themselves', () => {
  const current: StatusOptions = { bloom }
  mergeStatus(current, { topics })
  assert.deepEqual(current, { bloom })
})
