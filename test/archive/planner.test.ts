import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ArchiveQuery } from '../../src/archive/archive.js'
import type { LevelStore } from '../../src/archive/database/level-store.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { toHex } from '../../src/wire/bytes.js'
import { bloomOf } from '../../src/wire/envelope/bloom.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { blocksFinished } from './blocks-finished.js'
import { readPage } from './comparison.js'
import { type CountedArchive, countedArchive } from './counted-archive.js'
import { CountingStore } from './counting-store.js'
import { byTimeAndHash, matches } from './model.js'
import { Prng } from './prng.js'
import { temporaryLevel } from './temporary.js'
import { envelopeAt, Traffic } from './traffic.js'

// What a query costs by the index of the days, counted around the database: those numbers are the same on every machine. It answers where
// the blocks of ingest order do not tell of which times they are: an older version did not write that down.

const DAYS = 30
const prng = new Prng(42)
const traffic = new Traffic(prng, { count: 60_000, days: DAYS, payload: 60 })
const range = { lower: Traffic.firstDay, upper: traffic.end, limit: 1000 }
let counted: CountedArchive
let envelopes: Envelope[]
let store: CountingStore
let archive: LevelArchive

before(async () => {
  counted = await countedArchive(traffic, 4096)
  ;({ store, envelopes } = counted)
  archive = await withoutTimes(store, counted.archive)
})

after(() => counted.remove())

/** Of which times its first block is cannot be read: then the index of the days is asked. */
async function withoutTimes(db: LevelStore, archive: LevelArchive): Promise<LevelArchive> {
  await blocksFinished(db, archive, 1)
  await archive.close()
  await db.batch([{ type: 'put', key: layout.blockKey(0), value: new Uint8Array(16) }], { sync: true })
  return LevelArchive.open({ db, maxCredit: 0 })
}

function some(topics: Uint8Array[], count: number): Uint8Array[] {
  return Array.from({ length: count }, () => prng.pick(topics))
}

/** Reads a page, checks it against the list, and returns what it cost for each envelope returned. */
async function cost(query: ArchiveQuery): Promise<{ rows: number; entriesPerRow: number; seeks: number }> {
  store.reset()
  const { rows } = await readPage(archive, query)
  const { visited, seeks } = store
  const expected = envelopes
    .filter(envelope => matches(query, envelope))
    .sort(byTimeAndHash)
    .slice(0, query.limit)
  assert.deepEqual(
    rows.map(row => toHex(row.hash)),
    expected.map(({ hashHex }) => hashHex)
  )
  return { rows: rows.length, entriesPerRow: visited / rows.length, seeks }
}

test('a page of 10 topics over 30 days visits at most 1.5 entries for each envelope', async t => {
  const mixes = [
    () => some(traffic.cold, 10),
    () => some(traffic.hot, 10),
    () => [...some(traffic.cold, 8), ...some(traffic.hot, 2)]
  ]
  for (const [i, mix] of mixes.entries()) {
    for (let round = 0; round < 10; round++) {
      const { rows, entriesPerRow } = await cost({ ...range, topics: mix() })
      if (round === 0) t.diagnostic(`mix ${i}: ${rows} envelopes, ${entriesPerRow.toFixed(2)} entries each`)
      assert(entriesPerRow <= 1.5, `${entriesPerRow} entries for each of ${rows} envelopes`)
    }
  }
})

test('every page of a walk over 10 topics costs what it brings, however deep it lies', async () => {
  const query: ArchiveQuery = { ...range, topics: some(traffic.hot, 10), limit: 500 }
  let pages = 0
  for (;;) {
    const { rows, entriesPerRow } = await cost(query)
    assert(rows < 500 || entriesPerRow <= 1.5, `page ${pages}: ${entriesPerRow}`)
    pages++
    const { cursor } = await readPage(archive, query)
    if (cursor === undefined) break
    query.cursor = cursor
  }
  assert(pages > 10)
})

test('a page without a filter visits one entry more than it brings', async () => {
  for (const limit of [1, 100, 1000]) {
    store.reset()
    const { rows } = await readPage(archive, {
      ...range,
      lower: prng.between(range.lower, range.upper - 86_400 * 2),
      limit
    })
    assert.deepEqual([rows.length, store.visited, store.gets], [limit, limit + 1, 0])
  }
})

test('a topic that does not exist costs no visit at all', async () => {
  store.reset()
  const { rows } = await readPage(archive, { ...range, topics: [Uint8Array.of(1, 2, 3, 4)] })
  assert.deepEqual([rows.length, store.visited, store.seeks], [0, 0, 0])
})

test('days without one of the topics are not opened', async () => {
  const [topic] = some(traffic.cold, 1) as [Uint8Array]
  const days = new Set(envelopes.filter(e => toHex(e.topic) === toHex(topic)).map(e => Math.floor(e.sent / 86_400)))
  const { seeks } = await cost({ ...range, topics: [topic] })
  assert(days.size < DAYS)
  assert.equal(seeks, days.size)
})

test('a page of one topic waits for all its days together', async () => {
  const [topic] = some(traffic.cold, 1) as [Uint8Array]
  await cost({ ...range, topics: [topic] })
  store.mostOpen = 0
  const { seeks } = await cost({ ...range, topics: [topic] })
  assert(seeks > 4)
  // at first as many days as fit into one read of counts
  assert.equal(store.mostOpen, seeks)
})

test('a bloom filter of few topics is answered from their index, one of most topics by a scan', async () => {
  // The first one reads the dictionary of topics.
  await cost({ ...range, bloom: bloomOf(some(traffic.cold, 1)) })
  const narrow = await cost({ ...range, bloom: bloomOf(some(traffic.cold, 1)) })
  assert(narrow.entriesPerRow <= 1.5, `${narrow.entriesPerRow}`)
  const nearlyAll = new Uint8Array(64).fill(0xff)
  nearlyAll[5] = 0xfe
  const { entriesPerRow, seeks } = await cost({ ...range, bloom: nearlyAll })
  assert(entriesPerRow < 1.2 && seeks < 10, `${entriesPerRow}, ${seeks}`)
})

test('a thousand topics together are answered by a scan that reads no more than their share asks for', async () => {
  const { entriesPerRow, seeks } = await cost({ ...range, topics: some(traffic.cold, 1000) })
  assert(entriesPerRow < 15 && seeks < 60, `${entriesPerRow}, ${seeks}`)
})

test('a page of many topics reads the few entries that each has on a day at once', async t => {
  const counting = new CountingStore(await temporaryLevel(t))
  let busy = await LevelArchive.open({ db: counting, blockSize: 4096, maxCredit: 0 })
  const topics = Array.from({ length: 100 }, () => prng.bytes(4))
  const other = prng.bytes(4)
  const [each, others] = [6, 12_000]
  const total = topics.length * each + others
  const heard = Array.from({ length: total }, (_, i) => {
    const topic = i % Math.floor(total / (topics.length * each)) === 0 ? topics[prng.below(topics.length)] : other
    return envelopeAt(Traffic.firstDay + Math.floor((i * 43_000) / total), topic ?? other, prng.bytes(20))
  })
  await busy.append(heard)
  busy = await withoutTimes(counting, busy)
  counting.reset()
  const { rows } = await readPage(busy, { ...range, topics, limit: 300 })
  assert.equal(rows.length, 300)
  t.diagnostic(`${counting.seeks} seeks for ${topics.length} topics`)
  assert(counting.seeks <= topics.length * 1.1, `${counting.seeks} seeks`)
  await busy.close()
})

test('whether many topics are worth their windows is told by the counts of some of them', async () => {
  const topics = some(traffic.cold, 1000)
  store.reset()
  const { rows } = await readPage(archive, { ...range, topics, limit: 200 })
  const days = new Set(rows.map(({ sent }) => Math.floor(sent / 86_400))).size
  assert(days <= 3)
  // days are looked ahead of in doubled numbers
  assert(store.gets <= 64 * 3, `${store.gets} counts`)
})

test('nothing of the database is open while a slice is with the consumer, nor after it left early', async () => {
  const queries = [
    range,
    { ...range, topics: some(traffic.hot, 10) },
    { ...range, bloom: bloomOf(some(traffic.cold, 30)) }
  ]
  for (const query of queries) {
    let slices = 0
    for await (const rows of archive.query({ ...query, limit: Number.POSITIVE_INFINITY })) {
      if (rows.length === 0) continue
      assert.equal(store.open, 0)
      if (++slices === 3) break
    }
    assert.equal(store.open, 0)
  }
  for await (const rows of archive.sequence({ ...range, after: 0, limit: 2000 }))
    assert.deepEqual([rows.length > 0, store.open], [true, 0])
})

test('a closed iterator keeps little in memory, however long the scan', async () => {
  store.mostKept = 0
  const everything = { ...range, limit: Number.POSITIVE_INFINITY }
  for (const query of [everything, { ...everything, topics: some(traffic.hot, 10) }]) {
    let rows = 0
    for await (const slice of archive.query(query)) rows += slice.length
    assert(rows > 5000)
  }
  assert(store.mostKept <= 16 * 1024, `${store.mostKept} bytes`)
})

test('of a thousand topics those that do not exist cost nothing on any day', async () => {
  const strange = Array.from({ length: 999 }, (_, i) => Uint8Array.of(0xff, 0xfe, i >> 8, i & 0xff))
  const topics = some(traffic.cold, 1)
  const alone = await cost({ ...range, topics })
  // the first one reads the dictionary of topics
  await cost({ ...range, topics: [...topics, ...strange] })
  store.reset()
  const { seeks } = await cost({ ...range, topics: [...topics, ...strange] })
  assert.equal(seeks, alone.seeks)
  assert(store.gets < 2 * DAYS + 1000, `${store.gets} values read`)
})
