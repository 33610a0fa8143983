import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type LevelStore, readAll } from '../../src/archive/database/level-store.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { Ledger } from '../../src/archive/level/level-ledger.js'
import { ReadCounts } from '../../src/archive/level/read-counts.js'
import { TopicDictionary } from '../../src/archive/level/topic-dictionary.js'
import { OneAtATime } from '../../src/base/one-at-a-time.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32, readUint32 } from '../../src/wire/bytes.js'
import { decodeEnvelope, type Envelope } from '../../src/wire/envelope/envelope.js'
import { readPage } from './comparison.js'
import { CountingStore } from './counting-store.js'
import { FaultyStore } from './faulty-store.js'
import { Prng } from './prng.js'
import { temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

const DAY = 86_400
const START = 1_600_041_600 - (1_600_041_600 % DAY)
const ALL = { lower: 0, upper: MAX_UINT32, limit: Number.POSITIVE_INFINITY }
const FORMAT_KEY = layout.metaKey('format')
const TOTALS_KEY = layout.metaKey('totals')
const TOPIC_COUNTS = { gte: layout.topicCountKey(0, 0), lt: layout.runAgeKey(0, 0) }

await useQuickKeccak()

let serial = 0

const topicOf = (n: number): Uint8Array => Uint8Array.of(9, 9, n >> 8, n)

function some(prng: Prng, count: number, { days = 3, topics = 20 } = {}): Envelope[] {
  return Array.from({ length: count }, () => {
    const data = new Uint8Array(4)
    new DataView(data.buffer).setUint32(0, ++serial)
    return envelopeAt(START + prng.below(days * DAY), topicOf(prng.below(topics)), data)
  })
}

function later({ sent, topic, data }: Envelope, days: number): Envelope {
  return envelopeAt(sent + days * DAY, topic, data)
}

/** What a process that opens the database after a crash knows, held against what is stored. */
async function assertCounts(store: LevelStore): Promise<void> {
  const ledger = new Ledger(store, new TopicDictionary(store, new OneAtATime()), 32_768)
  await ledger.load()
  const archive = await LevelArchive.open({ db: store })
  const { rows } = await readPage(archive, ALL)
  const expected = new Map<string, number>()
  for (const { raw } of rows) {
    const { sent, topic } = decodeEnvelope(raw)
    const pair = `${layout.dayOf(sent)} ${readUint32(topic, 0)}`
    expected.set(pair, (expected.get(pair) ?? 0) + 1)
  }
  const days = ledger.days(0, 0xffff)
  const topics = [...new Set([...expected.keys()].map(pair => Number(pair.split(' ')[1])))]
  const counts = await ledger.topicCounts(days, topics)
  days.forEach((day, i) => {
    topics.forEach((topic, j) => {
      assert.equal(counts[i]?.[j], expected.get(`${day} ${topic}`) ?? 0, `topic ${topic} on day ${day}`)
    })
  })
  assert.equal(ledger.totals.topics, topics.length)
  assert.equal(ledger.totals.counted, ledger.totals.lastSeq)
}

async function newArchive(t: TestContext): Promise<{ level: LevelStore; archive: LevelArchive }> {
  const level = await temporaryLevel(t)
  return { level, archive: await LevelArchive.open({ db: level }) }
}

test('counts that were not written yet are caught up on when the archive is opened after a crash [MAIL-03]', async t => {
  const { level, archive } = await newArchive(t)
  const prng = new Prng(11)
  for (let i = 0; i < 10; i++) await archive.append(some(prng, 60))
  // what is on disk is behind: only what begins is written at once
  let written = 0
  for await (const [, value] of readAll(level, TOPIC_COUNTS)) written += readUint32(value, 0)
  assert.ok(written < 600, `${written}`)
  await assertCounts(level)
  await assertCounts(level)
})

test('so are those that were deleted, and came again, in between', async t => {
  const { level } = await newArchive(t)
  const prng = new Prng(12)
  const kept: Envelope[] = []
  for (let round = 0; round < 25; round++) {
    const archive = await LevelArchive.open({ db: level })
    for (let i = prng.below(4); i >= 0; i--) {
      const envelopes = some(prng, 1 + prng.below(40), { topics: 6 })
      kept.push(...envelopes)
      await archive.append(envelopes)
      if (prng.chance(0.4)) await archive.prune(START + prng.below(3 * DAY))
      if (prng.chance(0.5)) await archive.append(kept.slice(prng.below(kept.length)))
    }
    if (prng.chance(0.5)) await archive.close()
    await assertCounts(level)
  }
})

test('so are those of a write of which nobody knows whether it reached the disk', async t => {
  for (const writes of ['fail', 'fail afterwards'] as const) {
    const level = await temporaryLevel(t)
    const store = new FaultyStore(level)
    const archive = await LevelArchive.open({ db: store })
    const prng = new Prng(13)
    await archive.append(some(prng, 100))
    await archive.append(some(prng, 100))
    store.writes = writes
    await assert.rejects(archive.append(some(prng, 50)))
    // to catch up is a write too
    await assert.rejects(archive.append(some(prng, 50)))
    store.writes = 'succeed'
    await archive.append(some(prng, 50))
    await assertCounts(level)
  }
})

test('the counts on disk fall behind by a bounded number of envelopes', async t => {
  const store = new FaultyStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store })
  const prng = new Prng(14)
  let flushes = 0
  store.onWrite = operations => {
    const counts = operations.filter(({ key }) => key[3] === layout.topicCountKey(0, 0)[3])
    if (counts.length > 2000) flushes++
  }
  for (let i = 0; i < 40; i++) await archive.append(some(prng, 1000, { days: 2, topics: 1500 }))
  assert.equal(flushes, 1)
  await assertCounts(store)
})

test('counts of topics by day are read once, and anew when they changed', async t => {
  const store = new CountingStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store })
  const prng = new Prng(11)
  await archive.append(some(prng, 60))
  // as after a start: nothing of what was written is in memory
  const ledger = new Ledger(store, new TopicDictionary(store, new OneAtATime()), 1)
  await ledger.load()
  const days = ledger.days(0, 0xffff)
  const topics = Array.from({ length: 25 }, (_, n) => readUint32(topicOf(n), 0))
  store.reset()
  const counts = await ledger.topicCounts(days, topics)
  assert.equal(store.gets, days.length * topics.length)
  assert.deepEqual(await ledger.topicCounts(days, topics), counts)
  assert.equal(store.gets, days.length * topics.length)
  const [day, topic] = [days[1] as number, topics[24] as number]
  assert.equal(counts[1]?.[24], 0)
  // read while it is written: what was there before is not kept
  const reading = new ReadCounts()
  const { version } = reading
  reading.forget([{ day, topic }])
  reading.set(day, topic, 7, version)
  assert.equal(reading.get(day, topic), undefined)
  const change = await ledger.change([{ sent: day * DAY, topic, size: 100 }], 1, 61)
  await store.batch(change.operations, { sync: false })
  change.apply()
  assert.equal((await ledger.topicCounts(days, topics))[1]?.[24], 1)
  const back = await ledger.change([{ sent: day * DAY, topic, size: 100 }], -1)
  await store.batch(back.operations, { sync: false })
  back.apply()
  assert.deepEqual(await ledger.topicCounts(days, topics), counts)
})

test('days that begin are stored without a look at the disk, one synced batch for each append', async t => {
  const store = new CountingStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store })
  store.reset()
  const prng = new Prng(16)
  for (let day = 0; day < 4; day++)
    for (let i = 0; i < 5; i++)
      await archive.append(some(prng, 100, { days: 1, topics: 40 }).map(envelope => later(envelope, day)))
  assert.equal(store.gets, 0)
  assert.equal(store.syncs, 20)
  // the envelope and its index; for each append a run, its age, the count of its day and the totals; for each pair its count and the topic's
  assert.equal(store.puts, 2000 * 2 + 20 * 4 + 4 * 40 * 2)
  await assertCounts(store)
  // of a day that began before it was opened the counts are read once
  const again = await LevelArchive.open({ db: store })
  store.reset()
  await again.append(some(prng, 100, { days: 1, topics: 40 }).map(envelope => later(envelope, 3)))
  assert.ok(store.gets > 0 && store.gets <= 200, `${store.gets}`)
  store.reset()
  await again.append(some(prng, 100, { days: 1, topics: 40 }).map(envelope => later(envelope, 4)))
  assert.ok(store.gets <= 40, `${store.gets}`)
  await assertCounts(store)
})

test('an archive of format 1 is gone on with', async t => {
  const { level, archive } = await newArchive(t)
  const prng = new Prng(15)
  for (let i = 0; i < 5; i++) await archive.append(some(prng, 50))
  await assertCounts(level)
  // as format 1 had it: every count on disk, without the sequence number of which it is
  const operations = []
  for await (const [key, value] of readAll(level, TOPIC_COUNTS))
    operations.push({ type: 'put' as const, key, value: value.slice(0, 4) })
  const [totals] = await level.getMany([TOTALS_KEY])
  operations.push({ type: 'put' as const, key: TOTALS_KEY, value: (totals as Uint8Array).slice(0, 32) })
  operations.push({ type: 'put' as const, key: FORMAT_KEY, value: Uint8Array.of(0, 0, 0, 1) })
  await level.batch(operations, { sync: true })
  await assertCounts(level)
  const [format] = await level.getMany([FORMAT_KEY])
  assert.deepEqual([...(format as Uint8Array)], [0, 0, 0, 4])
  const again = await LevelArchive.open({ db: level })
  await again.append(some(prng, 200))
  await again.prune(START + DAY)
  await again.append(some(prng, 200))
  await assertCounts(level)
})
