import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicKey, uint32 } from '../../src/archive/level/level-layout.js'
import { TopicDictionary } from '../../src/archive/level/topic-dictionary.js'
import { OneAtATime } from '../../src/base/one-at-a-time.js'
import { topicBloom } from '../../src/wire/envelope/bloom.js'
import { topicFromNumber } from '../../src/wire/envelope/topic.js'
import { CountingStore } from './counting-store.js'
import { temporaryLevel } from './temporary.js'

const RED = 0x11223344
const ALMOST_ALL = new Uint8Array(64).fill(0xff)

test('topics that pass a filter are found in memory when they are few, and not looked for when they are many', async t => {
  const level = await temporaryLevel(t)
  const topics = [RED, 0x55667788, 0xffffffff, 0]
  await level.batch(
    topics.map(topic => ({ type: 'put', key: topicKey(topic), value: uint32(1) })),
    { sync: true }
  )
  const red = topicBloom(topicFromNumber(RED))
  const total = topics.length
  const store = new CountingStore(level)
  const dictionary = new TopicDictionary(store, new OneAtATime(), total)
  assert.deepEqual(await dictionary.matching(red, { max: 10, total }), [RED])
  store.reset()
  assert.deepEqual(
    await dictionary.matching(ALMOST_ALL, { max: 10, total }),
    topics.toSorted((a, b) => a - b)
  )
  assert.equal(await dictionary.matching(ALMOST_ALL, { max: 3, total }), undefined)
  assert.equal(store.visited, 0)
  const small = new TopicDictionary(store, new OneAtATime(), total - 1)
  assert.equal(await small.matching(red, { max: 10, total }), undefined)
  assert.equal(store.visited, 0)
})

test('topics that come and go are followed without reading again', async t => {
  const store = new CountingStore(await temporaryLevel(t))
  const dictionary = new TopicDictionary(store, new OneAtATime(), 2)
  assert.deepEqual(await dictionary.matching(ALMOST_ALL, { max: 10, total: 0 }), [])
  store.reset()
  dictionary.update([1, 2], [])
  dictionary.update([], [1])
  assert.deepEqual(await dictionary.matching(ALMOST_ALL, { max: 10, total: 1 }), [2])
  assert.equal(store.seeks, 0)
  // more than it keeps
  dictionary.update([3, 4], [])
  assert.equal(await dictionary.matching(ALMOST_ALL, { max: 10, total: 3 }), undefined)
  // and fewer again: it asks the disk, which has none of these, though there should be one: what is damaged tells nothing
  dictionary.update([], [3, 4])
  assert.deepEqual(await dictionary.matching(ALMOST_ALL, { max: 10, total: 0 }), [])
  assert.equal(await dictionary.matching(ALMOST_ALL, { max: 10, total: 1 }), undefined)
})
