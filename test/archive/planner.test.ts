import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import type { ArchiveQuery } from '../../src/archive/archive.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { blocksToRead } from '../../src/archive/level/level-planner.js'
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

// Which way of reading is taken for a query, and what it costs, counted around the database: those numbers are the same on every machine.

const SIZE = 4096
const COUNT = 60_000
const prng = new Prng(42)
const traffic = new Traffic(prng, { count: COUNT, days: 30, payload: 60 })
const range = { lower: Traffic.firstDay, upper: traffic.end, limit: 1000 }
let counted: CountedArchive
let store: CountingStore
let archive: LevelArchive

before(async () => {
  counted = await countedArchive(traffic, SIZE)
  ;({ store, archive } = counted)
  await blocksFinished(store, archive, Math.floor(COUNT / SIZE))
})

after(() => counted.remove())

function some(topics: Uint8Array[], count: number): Uint8Array[] {
  return Array.from({ length: count }, () => prng.pick(topics))
}

/** Reads a page, checks it against the list, and returns what it cost for each envelope returned. */
async function cost(
  query: ArchiveQuery,
  { store, archive, envelopes }: Pick<CountedArchive, 'store' | 'archive' | 'envelopes'> = counted
) {
  store.reset()
  const { rows, cursor } = await readPage(archive, query)
  const { visited, seeks, postings } = store
  const expected = envelopes
    .filter(envelope => matches(query, envelope))
    .sort(byTimeAndHash)
    .slice(0, query.limit)
  assert.deepEqual(
    rows.map(row => toHex(row.hash)),
    expected.map(({ hashHex }) => hashHex)
  )
  return { rows: rows.length, visited, entriesPerRow: visited / rows.length, seeks, postings, cursor }
}

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

test('topics that do not exist cost nothing once it is known what blocks have', async () => {
  await cost({ ...range, topics: some(traffic.cold, 1) })
  store.reset()
  const strange = Array.from({ length: 999 }, (_, i) => Uint8Array.of(0xff, 0xfe, i >> 8, i & 0xff))
  assert.deepEqual((await readPage(archive, { ...range, topics: strange })).rows, [])
  assert.deepEqual([store.visited, store.seeks, store.gets], [0, 0, 0])
  const topics = some(traffic.cold, 1)
  const alone = await cost({ ...range, topics })
  const among = await cost({ ...range, topics: [...topics, ...strange] })
  assert.deepEqual([among.seeks, among.postings], [0, alone.postings])
})

test('a bloom filter of few topics is answered from their postings, one of most topics by a scan', async () => {
  // The first one reads the dictionary of topics.
  await cost({ ...range, bloom: bloomOf(some(traffic.cold, 1)) })
  const narrow = await cost({ ...range, bloom: bloomOf(some(traffic.cold, 1)) })
  assert(narrow.entriesPerRow <= 1.5, `${narrow.entriesPerRow}`)
  const nearlyAll = new Uint8Array(64).fill(0xff)
  nearlyAll[5] = 0xfe
  const { entriesPerRow, seeks } = await cost({ ...range, bloom: nearlyAll })
  assert(entriesPerRow < 1.2 && seeks < 10, `${entriesPerRow}, ${seeks}`)
})

test('a thousand topics together cost no more than a scan of their share', async () => {
  const { entriesPerRow, seeks } = await cost({ ...range, topics: some(traffic.cold, 1000) })
  assert(entriesPerRow < 15 && seeks < 60, `${entriesPerRow}, ${seeks}`)
})

/** Envelopes of twenty topics, in the order that is given. */
async function ofOrder(t: TestContext, envelopes: Envelope[]) {
  const store = new CountingStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store, blockSize: SIZE, maxCredit: 0 })
  for (let from = 0; from < envelopes.length; from += 1000) await archive.append(envelopes.slice(from, from + 1000))
  await blocksFinished(store, archive, Math.floor(envelopes.length / SIZE))
  return { store, archive, envelopes }
}

const topicOf = (n: number): Uint8Array => Uint8Array.of(3, 1, n >> 8, n)

test('a scan for topics that are most of what came last is given up where they are little of what is asked for', async t => {
  const envelopes = Array.from({ length: 40_000 }, (_, i) => {
    const topic = i > 32_000 || i % 4000 === 7 ? topicOf(1) : topicOf(2 + (i % 19))
    return envelopeAt(Traffic.firstDay + i * 60, topic, prng.bytes(8))
  })
  const opened = await ofOrder(t, envelopes)
  const { seeks, visited, postings } = await cost({ ...range, topics: [topicOf(1)], limit: 8 }, opened)
  assert(postings > 0, 'it went on with the postings')
  assert(visited < 20_000, `${visited} entries in ${seeks} seeks`)
})

test('pages of what came in no order of time are right, and read no posting twice', async t => {
  const envelopes = Array.from({ length: 24_000 }, (_, i) =>
    envelopeAt(Traffic.firstDay + ((i * 7919) % 24_000) * 100, topicOf(prng.below(300)), prng.bytes(8))
  )
  const opened = await ofOrder(t, envelopes)
  const blocks = Math.floor(envelopes.length / SIZE)
  const query: ArchiveQuery = { ...range, topics: [topicOf(3), topicOf(4), topicOf(5)], limit: 50 }
  for (let pages = 0; ; pages++) {
    const { postings, seeks, cursor } = await cost(query, opened)
    assert(postings <= 3 * blocks, `page ${pages}: ${postings} postings`)
    assert.equal(seeks, 0)
    if (cursor === undefined) break
    query.cursor = cursor
  }
  // with more topics all would be held in memory for a few: what is scanned is the same
  const many = Array.from({ length: 200 }, (_, n) => topicOf(n))
  const { visited } = await cost({ ...range, topics: many, limit: 100 }, opened)
  assert(visited < 1000, `${visited}`)
})

test('blocks are read as far as the next page may need them', () => {
  const inOrder = Array.from({ length: 10 }, (_, block) => ({
    block,
    oldest: block * 10,
    newest: block * 10 + 9,
    most: 1
  }))
  assert.equal(blocksToRead(inOrder, { rows: 100, perBlock: 50, lower: 0 }), 2)
  assert.equal(blocksToRead(inOrder, { rows: 101, perBlock: 50, lower: 0 }), 3)
  assert.equal(blocksToRead(inOrder.slice(1), { rows: 75, perBlock: 50, lower: 15 }), 2)
  assert.equal(blocksToRead(inOrder.slice(1), { rows: 76, perBlock: 50, lower: 15 }), 3)
  const mixed = inOrder.map(({ block }) => ({ block, oldest: block % 2, newest: 1000, most: 1 }))
  assert.equal(blocksToRead(mixed, { rows: 10, perBlock: 50, lower: 0 }), 10)
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
