import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type LevelOperation, type LevelStore, readAll } from '../../src/archive/database/level-store.js'
import { emptyReport } from '../../src/archive/empty-report.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { Ledger } from '../../src/archive/level/level-ledger.js'
import { rowSeq } from '../../src/archive/level/level-row.js'
import { TopicDictionary } from '../../src/archive/level/topic-dictionary.js'
import { OneAtATime } from '../../src/base/one-at-a-time.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { joinBytes, MAX_UINT32, readUint32, writeUint32 } from '../../src/wire/bytes.js'
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
const [, TOPIC_DAYS] = layout.leftovers() as [layout.Bounds, layout.Bounds]

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
  const expected = new Map<number, number>()
  for (const { raw } of rows) {
    const topic = readUint32(decodeEnvelope(raw).topic, 0)
    expected.set(topic, (expected.get(topic) ?? 0) + 1)
  }
  const topics = [...expected.keys()]
  const written = (await store.getMany(topics.map(layout.topicKey))).map(layout.readCount)
  assert.deepEqual(written, [...expected.values()])
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
  for await (const [, value] of readAll(level, layout.allTopics())) written += readUint32(value, 0)
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
    const counts = operations.filter(({ key }) => key[3] === layout.topicKey(0)[3])
    if (counts.length > 1400) flushes++
  }
  for (let i = 0; i < 40; i++) await archive.append(some(prng, 1000, { days: 2, topics: 1500 }))
  assert.equal(flushes, 1)
  await assertCounts(store)
})

test('what is stored again, since its row was damaged, is counted once', async t => {
  const { level, archive } = await newArchive(t)
  const prng = new Prng(17)
  const envelopes = some(prng, 60)
  await archive.append(envelopes)
  for (const { sent, hash, topicNumber: topic } of envelopes.slice(0, 20)) {
    const key = layout.envelopeKey({ sent, hash, topic })
    const row = (await level.getMany([key]))[0]?.slice() as Uint8Array
    row[20] = (row[20] as number) ^ 1
    await level.batch([{ type: 'put', key, value: row }], { sync: true })
  }
  const again = await LevelArchive.open({ db: level })
  assert.deepEqual(await again.append(envelopes), [...Array(20).fill('stored'), ...Array(40).fill('known')])
  await assertCounts(level)
  const size = { envelopes: 60, bytes: envelopes.reduce((sum, { size }) => sum + size, 0) }
  assert.deepEqual(await again.size({ lower: 0, upper: MAX_UINT32 }), size)
  const { topic } = envelopes[0] as Envelope
  const of = envelopes.filter(envelope => readUint32(envelope.topic, 0) === readUint32(topic, 0))
  assert.equal((await again.size({ lower: 0, upper: MAX_UINT32, topics: [topic] })).envelopes, of.length)
  await again.repair()
  assert.deepEqual(await again.size({ lower: 0, upper: MAX_UINT32 }), size)
  for await (const [key] of readAll(level, layout.allRenewed())) assert.fail(`${key}`)
})

test('new envelopes are stored without a look at the disk, each by one key, in one synced batch for each append', async t => {
  const store = new CountingStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store })
  store.reset()
  const prng = new Prng(16)
  for (let day = 0; day < 4; day++)
    for (let i = 0; i < 5; i++)
      await archive.append(some(prng, 100, { days: 1, topics: 40 }).map(envelope => later(envelope, day)))
  assert.equal(store.gets, 0)
  assert.equal(store.syncs, 20)
  // the envelope; for each append a run, its age, the count of its day and the totals; for each topic its count
  assert.equal(store.puts, 2000 + 20 * 4 + 40)
  await assertCounts(store)
  // of topics that there were before it was opened the counts are read once
  const again = await LevelArchive.open({ db: store })
  store.reset()
  await again.append(some(prng, 100, { days: 1, topics: 40 }).map(envelope => later(envelope, 3)))
  assert.ok(store.gets > 0 && store.gets <= 140, `${store.gets}`)
  store.reset()
  await again.append(some(prng, 100, { days: 1, topics: 40 }).map(envelope => later(envelope, 4)))
  assert.ok(store.gets <= 5, `${store.gets}`)
  await assertCounts(store)
})

/** Makes of an archive what a format before 5 had: a topic's count for each day, as it was up to some number, and an index of the days. */
async function asBefore(level: LevelStore, format: number, counted?: number): Promise<void> {
  const operations: LevelOperation[] = []
  const days = new Map<string, { day: number; topic: number; n: number; since: number }>()
  const spans = new Map<number, number>()
  const [index] = layout.leftovers() as [layout.Bounds]
  for await (const [key, value] of readAll(level, layout.allEnvelopes())) {
    const { sent, topic } = layout.envelopeEntry(key)
    const day = layout.dayOf(sent)
    const pair = days.get(`${day} ${topic}`) ?? { day, topic, n: 0, since: rowSeq(value) }
    if (days.size !== days.set(`${day} ${topic}`, pair).size) spans.set(topic, (spans.get(topic) ?? 0) + 1)
    pair.since = Math.min(pair.since, rowSeq(value))
    if (counted === undefined || rowSeq(value) <= Math.max(counted, pair.since)) pair.n++
    operations.push({ type: 'put', key: joinBytes([index.gte, key.subarray(4)]), value: new Uint8Array(4) })
  }
  for (const { day, topic, n, since } of days.values()) {
    const key = joinBytes([TOPIC_DAYS.gte, writeUint32(day).subarray(2), writeUint32(topic)])
    const value = layout.topicCount(n, Math.max(counted ?? 0, since))
    operations.push({ type: 'put', key, value: format === 1 ? value.slice(0, 4) : value })
  }
  for (const [topic, n] of spans) operations.push({ type: 'put', key: layout.topicKey(topic), value: layout.uint32(n) })
  // runs had no checksum
  for await (const [key, value] of readAll(level, layout.runsFrom(0)))
    operations.push({ type: 'put', key, value: value.slice(0, value.length - (value.length % layout.RUN_ENTRY_BYTES)) })
  const totals = (await level.getMany([TOTALS_KEY]))[0]?.slice() as Uint8Array
  if (counted !== undefined) new DataView(totals.buffer).setBigUint64(32, BigInt(counted))
  operations.push({ type: 'put', key: TOTALS_KEY, value: totals.slice(0, format === 1 ? 32 : 40) })
  operations.push({ type: 'put', key: FORMAT_KEY, value: writeUint32(format) })
  await level.batch(operations, { sync: true })
}

for (const [format, counted] of [
  [1, undefined],
  [3, undefined],
  [4, 120]
] as const) {
  test(`an archive of format ${format} is gone on with, and what nobody reads any more is dropped`, async t => {
    const { level, archive } = await newArchive(t)
    const prng = new Prng(15)
    for (let i = 0; i < 5; i++) await archive.append(some(prng, 50))
    await assertCounts(level)
    await archive.close()
    await asBefore(level, format, counted)
    await assertCounts(level)
    const [written] = await level.getMany([FORMAT_KEY])
    assert.deepEqual([...(written as Uint8Array)], [0, 0, 0, 5])
    // what the one that was just opened, and not closed, has not dropped
    const again = await LevelArchive.open({ db: level })
    const left = async (): Promise<number> => {
      let keys = 0
      for (const bounds of layout.leftovers()) for await (const _ of readAll(level, bounds)) keys++
      return keys
    }
    for (let turns = 1; (await left()) > 0; turns++) {
      assert(turns < 1000, 'all is dropped')
      await again.attend(turns)
    }
    assert.equal((await again.verify()).countsWrong, false)
    await again.append(some(prng, 200))
    await again.prune(START + DAY)
    await again.append(some(prng, 200))
    await assertCounts(level)
    assert.deepEqual({ ...(await again.verify()), envelopes: 0 }, emptyReport())
  })
}
