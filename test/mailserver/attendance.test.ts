import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Archive } from '../../src/archive/archive.js'
import { type Gap, GapKind } from '../../src/wire/request/coverage.js'
import { archiveWith } from '../helpers/archive-with.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { aMailserver, diskArchive } from './fixture.js'

const START = 1_600_000_000
const gapsOf = async (archive: Archive): Promise<Gap[]> =>
  (await archive.coverage({ lower: 0, upper: 0xffff_ffff })).gaps

test('the time between two runs is a gap, a short one is not', async t => {
  const archive = await diskArchive(t)
  let now = START
  const run = async (): Promise<void> => {
    const { server } = await aMailserver(t, { now: () => now }, { archive })
    now += 20
    await server.stop()
  }
  await run()
  now += 50
  await run()
  assert.deepEqual(await gapsOf(archive), [], 'nobody was missed before the first run, nor for a minute')
  const left = now
  now += 3600
  await run()
  assert.deepEqual(await gapsOf(archive), [{ from: left, until: left + 3600, kind: GapKind.down, count: 0 }])
})

test('who was asleep between two notes of being there did not run', async t => {
  const archive = await diskArchive(t)
  let now = START
  const { server } = await aMailserver(t, { now: () => now }, { archive })
  now += 7200
  await server.stop()
  assert.deepEqual(await gapsOf(archive), [{ from: START, until: START + 7200, kind: GapKind.down, count: 0 }])
})

test('a clock that goes back makes no gap', async t => {
  const archive = await diskArchive(t)
  for (const now of [START, START - 86_400, START - 86_400 + 30]) {
    const { server } = await aMailserver(t, { now: () => now }, { archive })
    await server.stop()
  }
  assert.deepEqual(await gapsOf(archive), [])
  assert.equal(archive.attended, START - 86_400 + 30)
})

test('the time in which nothing could be stored is noted while it lasts, where notes can be written', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const archive = await diskArchive(t)
  let now = START
  const failing = archiveWith(archive, {
    append: { get: () => () => Promise.reject(new Error('no room is kept back')) }
  })
  const { server } = await aMailserver(t, { now: () => now }, { archive: failing })
  await assert.rejects(server.store.append([newEnvelope({ sent: now })]), /no room/)
  now += 40
  t.mock.timers.tick(30_000)
  // as if it were killed now: nothing is said at its end
  while ((await gapsOf(archive)).length === 0) await new Promise(setImmediate)
  assert.deepEqual(await gapsOf(archive), [{ from: START, until: START + 40, kind: GapKind.unstored, count: 0 }])
})

test('the time in which nothing could be stored is a gap, told while it lasts and after it', async t => {
  const archive = await diskArchive(t)
  let now = START
  let full = true
  const failing = archiveWith(archive, {
    append: {
      get: () => (full ? () => Promise.reject(new Error('no space left on device')) : archive.append.bind(archive))
    }
  })
  const { server } = await aMailserver(t, { now: () => now }, { archive: failing })
  const store = () => server.store.append([newEnvelope({ sent: now })])
  await assert.rejects(store(), /no space/)
  now += 10
  await assert.rejects(store(), /no space/)
  full = false
  now += 10
  assert.deepEqual(await store(), ['stored'])
  await server.stop()
  assert.deepEqual(await gapsOf(archive), [{ from: START, until: START + 20, kind: GapKind.unstored, count: 0 }])
})
