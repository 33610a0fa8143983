import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { LevelOperation, LevelStore } from '../../src/archive/database/level-store.js'
import { emptyReport } from '../../src/archive/empty-report.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import { topicNumber } from '../../src/wire/envelope/topic.js'
import { blocksFinished } from './blocks-finished.js'
import { readPage, readSince } from './comparison.js'
import { FaultyStore } from './faulty-store.js'
import { temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

await useQuickKeccak()

// What a topic has is told by the order of ingest alone: what is not named there would be found by nobody who asks for its topic.

const FIRST = 1_600_041_600
const SIZE = 64
const topicOf = (n: number): Uint8Array => Uint8Array.of(3, 1, n >> 8, n)
const ENVELOPES = Array.from({ length: 1000 }, (_, i) =>
  envelopeAt(FIRST + i * 60, topicOf(i % 50), Uint8Array.of(i >> 8, i))
)
const TOPIC = topicOf(5)
const OF_TOPIC = ENVELOPES.length / 50

async function written(t: TestContext): Promise<LevelStore> {
  const db = await temporaryLevel(t)
  const archive = await LevelArchive.open({ db, blockSize: SIZE })
  for (let from = 0; from < ENVELOPES.length; from += 50) await archive.append(ENVELOPES.slice(from, from + 50))
  await blocksFinished(db, archive, Math.floor(ENVELOPES.length / SIZE) - 1)
  await archive.close()
  return db
}

async function assertWhole(archive: LevelArchive, envelopes = ENVELOPES.length): Promise<void> {
  const query = { lower: 0, upper: MAX_UINT32, topics: [TOPIC] }
  assert.equal((await readPage(archive, { ...query, limit: 1000 })).rows.length, OF_TOPIC)
  assert.equal((await archive.size(query)).envelopes, OF_TOPIC)
  assert.equal((await readSince(archive, 0, 10_000)).length, envelopes)
}

test('a repair that ends before what it found has its new place in the order of ingest is done again', async t => {
  const level = await written(t)
  await level.batch([{ type: 'del', key: layout.postingKey(0, topicNumber(TOPIC)) }], { sync: true })
  const db = new FaultyStore(level)
  const archive = await LevelArchive.open({ db })
  // nothing is written after the counts
  const isCount = ({ key }: LevelOperation): boolean =>
    Buffer.compare(key, layout.dayCountKey(layout.dayOf(FIRST))) === 0
  let counted = false
  db.onWrite = operations => {
    if (counted) db.writes = 'fail'
    counted ||= operations.some(isCount)
  }
  await assert.rejects(archive.repair())
  assert(counted)
  const again = await LevelArchive.open({ db: level })
  await assertWhole(again)
  assert.deepEqual(await again.verify(), { ...emptyReport(), envelopes: ENVELOPES.length })
  await again.close()
})

test('a prune forgets nothing of a block of which it cannot read how old it is', async t => {
  const db = await written(t)
  const key = layout.blockKey(10)
  const value = (await db.getMany([key]))[0]?.slice() as Uint8Array
  value[0] = 0
  await db.batch([{ type: 'put', key, value }], { sync: true })
  const archive = await LevelArchive.open({ db })
  assert.equal(await archive.prune(FIRST + 60), 1)
  await assertWhole(archive, ENVELOPES.length - 1)
  await archive.close()
})

test('how many blocks are finished, and their size, may be gone or changed', async t => {
  for (const change of [undefined, 0, 3, 4, 7, 11]) {
    const db = await written(t)
    const key = layout.metaKey('blocks')
    const value = (await db.getMany([key]))[0]?.slice() as Uint8Array
    if (change !== undefined) value[change] = (value[change] as number) ^ 2
    await db.batch([change === undefined ? { type: 'del', key } : { type: 'put', key, value }], { sync: true })
    const archive = await LevelArchive.open({ db, blockSize: SIZE })
    await assertWhole(archive)
    await archive.close()
  }
})

test('a page that ends between the two places of what was stored again has a successor', async t => {
  const db = await temporaryLevel(t)
  const archive = await LevelArchive.open({ db, blockSize: 2048 })
  const again = envelopeAt(FIRST + 511, TOPIC, Uint8Array.of(1))
  const others = (count: number, from: number) =>
    Array.from({ length: count }, (_, i) =>
      envelopeAt(FIRST + from + i, topicOf(100 + (i % 50)), Uint8Array.of(i >> 8, i))
    )
  await archive.append([again, ...others(2047, 600)])
  await archive.trim({ before: FIRST + 512, topics: [TOPIC] })
  const before = Array.from({ length: 511 }, (_, i) => envelopeAt(FIRST + i, TOPIC, Uint8Array.of(2, i >> 8, i)))
  await archive.append([...before, again, ...others(1536, 5000)])
  for (let i = 0; i < 20; i++)
    await archive.append([
      envelopeAt(FIRST + 20_000 + i * 4000, TOPIC, Uint8Array.of(9, i)),
      ...others(2047, 20_000 + i * 4000)
    ])
  await archive.append(others(1500, 900_000))
  await blocksFinished(db, archive, 21)
  // of so many topics one block is read at a time
  const strange = Array.from({ length: 299 }, (_, i) => Uint8Array.of(200, 1, i >> 8, i))
  const query = { lower: 0, upper: MAX_UINT32, topics: [TOPIC, ...strange], limit: 512 }
  const { rows, cursor } = await readPage(archive, query)
  assert.equal(rows.length, 512)
  assert(cursor !== undefined, 'more follows')
  assert.equal((await readPage(archive, { ...query, cursor })).rows.length, 20)
  await archive.close()
})
