import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentHashes } from '../../src/waku/recent-hashes.js'

test('remembers the last so many hashes, each once', () => {
  const recent = new RecentHashes(3)
  const known = (): string => [...'abcdefg'].filter(hash => recent.has(hash)).join('')
  for (const hash of ['a', 'b', 'b', 'c', 'a']) recent.add(hash)
  assert.equal(known(), 'abc')
  recent.add('d')
  assert.equal(known(), 'bcd')
  for (const hash of 'efg') recent.add(hash)
  assert.equal(known(), 'efg')
  const none = new RecentHashes(0)
  none.add('a')
  none.add('b')
  assert.equal(none.has('a'), false)
})
