import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StorageNotice } from '../../src/node/operator/storage-notice.js'

const HOUR = 3_600_000

test('damage of each kind is said at once, and what follows of a kind within the hour is counted and said then', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const said: string[] = []
  const { onDamaged } = new StorageNotice(line => said.push(line))
  onDamaged(undefined, '1 damaged envelopes were met and left out of an answer')
  onDamaged(undefined, '1 changed bit was put right')
  onDamaged(undefined, 'lost: 40 stored envelopes, damaged on the disk')
  assert.equal(said.length, 3, 'each is another kind')
  assert.match(said[2] as string, /^lost: 40 stored envelopes, damaged on the disk: "waku-mailserver verify"/)

  onDamaged(undefined, 'lost: 7 stored envelopes, damaged on the disk')
  onDamaged(undefined, 'lost: 9 stored envelopes, damaged on the disk')
  onDamaged(undefined, '2 damaged envelopes were met and left out of an answer')
  assert.equal(said.length, 3)
  t.mock.timers.tick(HOUR)
  assert.deepEqual(
    said.slice(3).map(line => line.replace(/: ".*/, '')),
    [
      '2 damaged envelopes were met and left out of an answer',
      'lost: 9 stored envelopes, damaged on the disk (and 1 other like it within the hour)'
    ]
  )

  t.mock.timers.tick(HOUR)
  assert.equal(said.length, 5, 'nothing happened since')
  onDamaged(undefined, 'lost: 3 stored envelopes, damaged on the disk')
  assert.equal(said.length, 6, 'and what happens after that is said at once')
})
