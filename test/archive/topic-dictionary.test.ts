import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicKey, uint32 } from '../../src/archive/level-layout.js'
import { TopicDictionary } from '../../src/archive/topic-dictionary.js'
import { WriteQueue } from '../../src/archive/write-queue.js'
import { topicBloom } from '../../src/wire/bloom.js'
import { topicFromNumber } from '../../src/wire/topic.js'
import { CountingStore } from './counting-store.js'
import { temporaryLevel } from './temporary.js'

const RED = 0x11223344
const ALMOST_ALL = new Uint8Array(64).fill(0xff)

test('topics that pass a filter are found from memory when they are few, from disk when they are many', async t => {
  const level = await temporaryLevel(t)
  const topics = [RED, 0x55667788, 0xffffffff, 0]
  await level.batch(
    topics.map(topic => ({ type: 'put', key: topicKey(topic), value: uint32(1) })),
    { sync: true }
  )
  for (const [maxCached, readsAgain] of [
    [100, 0],
    [2, topics.length]
  ] as const) {
    const store = new CountingStore(level)
    const dictionary = new TopicDictionary(store, new WriteQueue(), maxCached)
    const red = topicBloom(topicFromNumber(RED))
    assert.deepEqual(await dictionary.matching(red, 10), [RED])
    store.reset()
    assert.deepEqual(
      await dictionary.matching(ALMOST_ALL, 10),
      topics.toSorted((a, b) => a - b)
    )
    assert(store.visited >= readsAgain && (readsAgain > 0 || store.visited === 0))
    assert.deepEqual(await dictionary.matching(ALMOST_ALL, 3), undefined)
  }
})

test('topics that come and go are followed without reading again', async t => {
  const store = new CountingStore(await temporaryLevel(t))
  const dictionary = new TopicDictionary(store, new WriteQueue(), 2)
  assert.deepEqual(await dictionary.matching(ALMOST_ALL, 10), [])
  store.reset()
  dictionary.update([1, 2], [])
  dictionary.update([], [1])
  assert.deepEqual(await dictionary.matching(ALMOST_ALL, 10), [2])
  assert.equal(store.seeks, 0)
  // More than it keeps: from now on it asks the disk, which has none of these.
  dictionary.update([3, 4], [])
  assert.deepEqual(await dictionary.matching(ALMOST_ALL, 10), [])
})
