import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { NewestEnvelopes } from '../../src/archive/level/newest-envelopes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { CountingStore } from './counting-store.js'
import { FaultyStore } from './faulty-store.js'
import { Prng } from './prng.js'
import { temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

const NOON = 1_600_041_600
const TOPIC = Uint8Array.of(1, 2, 3, 4)

const at = (sent: number, size = 0): Envelope => envelopeAt(sent, TOPIC, new Uint8Array(size))

test('what is live is stored without a look at the disk', async t => {
  const level = await temporaryLevel(t)
  const store = new CountingStore(level)
  const archive = await LevelArchive.open({ db: store })
  const live = Array.from({ length: 500 }, (_, i) => at(NOON + (i % 20), i))
  assert.deepEqual(new Set(await archive.append(live)), new Set(['stored']))
  assert.equal(store.lookups, 0)
  assert.deepEqual(new Set(await archive.append(live)), new Set(['known']))
  assert.equal(store.lookups, 500)
  store.lookups = 0

  // what was there before is asked after, and only that
  const again = await LevelArchive.open({ db: store })
  assert.deepEqual(await again.append([at(NOON + 19, 19), at(NOON + 19, 9999), at(NOON + 64)]), [
    'known',
    'stored',
    'stored'
  ])
  assert.equal(store.lookups, 2)
})

test('what was pruned is stored again', async t => {
  const archive = await LevelArchive.open({ db: await temporaryLevel(t) })
  const live = Array.from({ length: 30 }, (_, i) => at(NOON + i))
  await archive.append(live)
  assert.equal(await archive.prune(NOON + 10), 10)
  const outcomes = await archive.append(live)
  assert.deepEqual(outcomes, [...Array(10).fill('stored'), ...Array(20).fill('known')])
})

for (const writes of ['fail', 'fail afterwards'] as const) {
  test(`when writes ${writes}, nothing is taken for stored that is not, or the other way round`, async t => {
    const store = new FaultyStore(await temporaryLevel(t))
    const archive = await LevelArchive.open({ db: store })
    await archive.append([at(NOON)])
    store.writes = writes
    await assert.rejects(archive.append([at(NOON + 1), at(NOON + 2)]))
    store.writes = 'succeed'
    const expected = writes === 'fail' ? 'stored' : 'known'
    assert.deepEqual(await archive.append([at(NOON), at(NOON + 2), at(NOON + 1), at(NOON + 3)]), [
      'known',
      expected,
      expected,
      'stored'
    ])
    assert.equal((await archive.stats()).envelopes, 4)
  })
}

test('what it says is lacking was never stored; bounded', () => {
  const prng = new Prng(3)
  const newest = new NewestEnvelopes(100)
  newest.reset(NOON)
  const stored = new Set<string>()
  let lacking = 0
  for (let i = 0; i < 5000; i++) {
    const envelope = at(NOON - 300 + 64 * (Math.floor(i / 50) + prng.below(10)), prng.below(6))
    const lacks = newest.lacks(envelope)
    if (envelope.sent <= NOON) assert.equal(lacks, false)
    if (lacks) {
      lacking++
      assert.ok(!stored.has(envelope.hashHex))
    }
    newest.add(envelope)
    stored.add(envelope.hashHex)
  }
  assert.ok(lacking > 300, `${lacking} lacking of ${stored.size}`)
})

test('of a time with more envelopes than are kept nothing is known any more', () => {
  const newest = new NewestEnvelopes(100)
  newest.reset(-1)
  for (let i = 0; i < 100; i++) newest.add(at(NOON, i))
  assert.equal(newest.lacks(at(NOON, 3)), false)
  assert.equal(newest.lacks(at(NOON, 300)), true)
  newest.add(at(NOON, 100))
  assert.equal(newest.lacks(at(NOON, 300)), false)
  assert.equal(newest.lacks(at(NOON + 64)), true)
  newest.reset(NOON + 200)
  assert.equal(newest.lacks(at(NOON + 64)), false)
  assert.equal(newest.lacks(at(NOON + 300)), true)
})
