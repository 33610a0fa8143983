import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLogger } from '@libp2p/logger'
import { MemoryDatastore } from 'datastore-core'
import type { Archive } from '../../src/archive/archive.js'
import { DatastoreArchive } from '../../src/archive/datastore-archive.js'
import { Retention, type RetentionInit, retentionFloor } from '../../src/archive/retention.js'
import { envelopeAt } from './traffic.js'

const NOW = 1_600_000_000
const DAY = 86_400
const YEAR = 365 * DAY

async function archiveOf(...ages: number[]): Promise<Archive> {
  const archive = await DatastoreArchive.open({ datastore: new MemoryDatastore() })
  await archive.append(ages.map(age => envelopeAt(NOW - age, new Uint8Array(4), new Uint8Array(3))))
  return archive
}

function retention(archive: RetentionInit['archive'], init: Partial<RetentionInit> = {}): Retention {
  return new Retention({ archive, seconds: 30 * DAY, now: () => NOW, logger: defaultLogger(), ...init })
}

test('what is exactly as old as the retention is kept, what is older is not [D-08]', async () => {
  assert.equal(retentionFloor(NOW, 30 * DAY), NOW - 30 * DAY)
  assert.equal(retentionFloor(NOW, Number.POSITIVE_INFINITY), 0)
  assert.equal(retentionFloor(100, 200), 0)
  const archive = await archiveOf(0, 30 * DAY, 30 * DAY + 1, 400 * DAY)
  assert.deepEqual(await retention(archive).pass(), { pruned: 2, refused: false })
  const { envelopes, oldest } = await archive.stats()
  assert.deepEqual([envelopes, oldest], [2, NOW - 30 * DAY])
})

test('a clock that jumped years ahead deletes nothing until a newer envelope vouches for it', async () => {
  const archive = await archiveOf(0, 10 * DAY)
  let now = NOW + YEAR + 1
  const keeper = retention(archive, { now: () => now })
  assert.deepEqual(await keeper.pass(), { pruned: 0, refused: true })
  now = NOW + 25 * DAY
  assert.deepEqual(await keeper.pass(), { pruned: 1, refused: false })
  now = NOW + 3 * YEAR
  await archive.append([envelopeAt(now - 5, new Uint8Array(4), new Uint8Array(1))])
  assert.deepEqual(await keeper.pass(), { pruned: 1, refused: false })
  assert.equal((await archive.stats()).envelopes, 1)
})

test('a clock that jumped back, or an empty archive, deletes nothing', async () => {
  const archive = await archiveOf(0, 10 * DAY)
  assert.deepEqual(await retention(archive, { now: () => 5 }).pass(), { pruned: 0, refused: false })
  assert.deepEqual(await retention(await archiveOf()).pass(), { pruned: 0, refused: false })
})

test('passes follow each other, one that fails included, until it is stopped', async () => {
  const archive = await archiveOf(0)
  let passes = 0
  let third = (): void => {}
  const thirdPass = new Promise<void>(resolve => {
    third = resolve
  })
  const keeper = retention(
    {
      stats: () => archive.stats(),
      prune: async () => {
        if (++passes === 3) third()
        throw new Error('input/output error')
      }
    },
    { interval: 1 }
  )
  keeper.start()
  keeper.start()
  await thirdPass
  await keeper.stop()
  const after = passes
  await keeper.stop()
  assert.equal(passes, after)
})

test('stopping breaks off a pass that is under way', async () => {
  const archive = await archiveOf(0)
  let begun = (): void => {}
  const underWay = new Promise<void>(resolve => {
    begun = resolve
  })
  const keeper = retention({
    stats: () => archive.stats(),
    prune: (_, options) =>
      new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason))
        begun()
      })
  })
  keeper.start()
  await underWay
  await keeper.stop()
})
