import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StorageNotice } from '../../src/node/operator/storage-notice.js'
import { type Gap, GapKind } from '../../src/wire/request/coverage.js'

const HOUR = 3_600_000

test('damage of each kind is said at once, and what follows of a kind within the hour is counted and said then', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const said: string[] = []
  const { onDamaged } = new StorageNotice(line => said.push(line))
  onDamaged(undefined, '1 damaged envelope was met and left out of an answer')
  onDamaged(undefined, "put right in the database's tables: 1 damaged part")
  onDamaged(undefined, 'lost: 40 stored envelopes, damaged on the disk')
  assert.equal(said.length, 3, 'each is another kind')
  assert.equal(said[1], "put right in the database's tables: 1 damaged part", 'nothing is left to be done')
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

test('what is lost is told with the command that may fetch it again, by the times of all that was lost', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const said: string[] = []
  const { onDamaged } = new StorageNotice(line => said.push(line))
  const gap = (from: number, until: number): Gap => ({ from, until, kind: GapKind.damaged, count: 1 })
  onDamaged(gap(100, 200), 'lost: 1 stored envelope')
  assert.match(said[0] as string, /^lost: 1 stored envelope: "waku-mailserver backfill --since 100 --until 200"/)
  onDamaged(gap(500, 600), 'lost: 1 stored envelope')
  onDamaged(gap(300, 400), 'lost: 1 stored envelope')
  t.mock.timers.tick(HOUR)
  assert.match(
    said[1] as string,
    /and 1 other like it within the hour\): "waku-mailserver backfill --since 300 --until 600"/
  )
  onDamaged(gap(100, 200), '1 damaged envelope was met')
  assert.match(said[2] as string, /: "waku-mailserver verify" says what is wrong, "waku-mailserver repair" mends it$/)
})

test('what was mended names no command; one and many are of one kind, and what was not said yet is said in the end', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const said: string[] = []
  const notice = new StorageNotice(line => said.push(line), { brief: true })
  const mended = [
    "put right in the database's tables: 1 damaged part",
    "put right in the database's log or manifest: 2 damaged parts",
    "a part of the database's tables could not be read, and made anew: nothing is lost",
    'the counts of the archive do not agree with each other: they are made anew'
  ]
  for (const text of mended) notice.onDamaged(undefined, text)
  assert.deepEqual(said.splice(0), mended)
  assert.equal(notice.lost, undefined)

  const gap = (count: number): Gap => ({ from: 100, until: 200, kind: GapKind.damaged, count })
  notice.onDamaged(gap(1), 'lost: 1 stored envelope')
  notice.onDamaged(gap(23), 'lost: 23 stored envelopes')
  assert.equal(said.length, 1)
  notice.end()
  const remedy = '"waku-mailserver backfill --since 100 --until 200" may fetch it again from another mailserver'
  assert.deepEqual(said, [`lost: 1 stored envelope: ${remedy}`, `lost: 23 stored envelopes: ${remedy}`])
  assert.equal(notice.lost, 24)
  t.mock.timers.tick(HOUR)
  assert.equal(said.length, 2)
})
