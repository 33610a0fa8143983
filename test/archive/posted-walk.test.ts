import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ArchiveQuery } from '../../src/archive/archive.js'
import {
  type LevelEntry,
  type LevelOperation,
  type LevelStore,
  readAll
} from '../../src/archive/database/level-store.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { toHex } from '../../src/wire/bytes.js'
import { bloomOf } from '../../src/wire/envelope/bloom.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicNumber } from '../../src/wire/envelope/topic.js'
import { blocksFinished } from './blocks-finished.js'
import { readPage } from './comparison.js'
import { type CountedArchive, countedArchive } from './counted-archive.js'
import { CountingStore } from './counting-store.js'
import { byTimeAndHash, matches } from './model.js'
import { Prng } from './prng.js'
import { temporaryLevel } from './temporary.js'
import { envelopeAt, Traffic } from './traffic.js'

// What a page of topics costs out of the postings of ingest order, counted around the database.

const SIZE = 4096
const COUNT = 60_000
/** The last numbers are in memory. */
const BLOCKS = Math.floor(COUNT / SIZE)
const prng = new Prng(43)
const traffic = new Traffic(prng, { count: COUNT, days: 30, payload: 60 })
const range = { lower: Traffic.firstDay, upper: traffic.end, limit: 1000 }
let counted: CountedArchive
let envelopes: Envelope[]
let store: CountingStore
let archive: LevelArchive

before(async () => {
  counted = await countedArchive(traffic, SIZE)
  ;({ store, archive, envelopes } = counted)
  // counts of topics are written now and then, and blocks are finished behind them
  await blocksFinished(store, archive, BLOCKS - 1)
})

after(() => counted.remove())

const some = (topics: Uint8Array[], count: number): Uint8Array[] =>
  Array.from({ length: count }, () => prng.pick(topics))

function expected(query: ArchiveQuery, of: readonly Envelope[] = envelopes): string[] {
  const all = of.filter(envelope => matches(query, envelope)).sort(byTimeAndHash)
  return all.slice(0, query.limit).map(({ hashHex }) => hashHex)
}

/** Reads a page, checks it against the list, and returns what it cost. */
async function cost(query: ArchiveQuery) {
  store.reset()
  const { rows, cursor } = await readPage(archive, query)
  const { visited, seeks, gets, lookups, postings } = store
  assert.deepEqual(
    rows.map(row => toHex(row.hash)),
    expected(query)
  )
  return { rows: rows.length, visited, seeks, gets, lookups, postings, cursor }
}

test('a page of 10 topics over 30 days opens no iterator, reads a posting for each topic and block at most, and visits at most 1.5 entries for each envelope', async t => {
  const mixes = [() => some(traffic.cold, 10), () => [...some(traffic.cold, 9), ...some(traffic.hot, 1)]]
  for (const mix of mixes)
    for (let round = 0; round < 10; round++) {
      const { rows, visited, seeks, postings, gets, lookups } = await cost({ ...range, topics: mix() })
      if (round === 0) t.diagnostic(`${rows} envelopes, ${visited} entries in ${postings} postings`)
      assert(visited <= 1.5 * rows, `${visited} entries for ${rows} envelopes`)
      assert.equal(seeks, 0)
      assert(postings <= 10 * BLOCKS, `${postings} postings`)
      assert.equal(gets, postings + lookups)
      assert(lookups <= rows + 1, `${lookups} lookups`)
    }
})

test('a page of one topic waits for the disk twice: for its postings with the lists that they are held against, and for its envelopes', async () => {
  const opened = await LevelArchive.open({ db: store, blockSize: SIZE, maxCredit: 0 })
  for (let round = 0; round < 5; round++) {
    store.reset()
    const { rows } = await readPage(opened, { ...range, topics: some(traffic.cold, 1) })
    assert(rows.length > 0 && rows.length < 100)
    assert(store.waits <= 2, `${store.waits} waits`)
  }
})

test('every page of a walk costs what it brings, however deep it lies', async () => {
  const query: ArchiveQuery = { ...range, topics: some(traffic.hot, 1), limit: 100 }
  let pages = 0
  for (; ; pages++) {
    const { rows, visited, seeks, cursor } = await cost(query)
    // two blocks are read where a page ends in the second one
    assert(rows < 100 || visited <= rows + (2 * (SIZE * 0.3)) / 20 + 1, `page ${pages}: ${visited}`)
    assert.equal(seeks, 0)
    if (cursor === undefined) break
    query.cursor = cursor
  }
  assert(pages >= 8)
})

test('a short page of few topics reads the blocks that it needs, not all there are', async () => {
  const { rows, postings, lookups } = await cost({ ...range, topics: some(traffic.hot, 2), limit: 20 })
  assert.equal(rows, 20)
  assert(postings <= 4, `${postings} postings`)
  assert(lookups <= 21)
})

test('a page of what came last is found in memory: nothing is read but its envelopes', async () => {
  const lower = envelopes[envelopes.length - 500]?.sent as number
  const { rows, gets, seeks } = await cost({ ...range, lower, topics: [...some(traffic.cold, 100), ...traffic.hot] })
  assert(rows > 20)
  assert.deepEqual([gets, seeks], [rows, 0])
})

test('pages of hundreds of topics, and of a bloom filter of many, read no more postings than one block has, and each envelope once', async () => {
  // the first one reads the dictionary of topics
  await cost({ ...range, bloom: bloomOf(some(traffic.cold, 1)) })
  for (const [count, limit] of [
    [100, 50],
    [500, 200]
  ] as const) {
    const lower = prng.between(Traffic.firstDay + 86_400, traffic.end - 10 * 86_400)
    const topics = some(traffic.cold, count)
    const distinct = new Set(topics.map(topicNumber)).size
    const { rows, seeks, postings, lookups } = await cost({ ...range, lower, topics, limit })
    assert.equal(rows, limit)
    assert.equal(seeks, 0)
    assert(postings <= 2 * distinct, `${postings} postings of ${distinct} topics`)
    assert(lookups <= limit + 1)
  }
  const bloom = bloomOf(some(traffic.cold, 30))
  const { rows, seeks } = await cost({ ...range, bloom, lower: Traffic.firstDay + 86_400, limit: 100 })
  assert.deepEqual([rows, seeks], [100, 0])
})

test('the postings of many topics are read in parts, between which others have their turn', async () => {
  const topics = some(traffic.cold, 600)
  const { rows, seeks } = await cost({ ...range, lower: Traffic.firstDay + 86_400, topics, limit: 200 })
  assert.deepEqual([rows, seeks], [200, 0])
  assert(store.mostPostings > 0 && store.mostPostings <= 512, `${store.mostPostings} postings at a time`)
})

test('a bloom filter that matches most topics is answered by a scan at once, which reads a page by one iterator', async () => {
  const opened = await LevelArchive.open({ db: store, blockSize: SIZE, maxCredit: 0 })
  const query = { ...range, bloom: bloomOf(traffic.cold.slice(0, 600)), lower: Traffic.firstDay + 86_400 }
  // the first one reads the dictionary of topics
  await readPage(opened, { ...query, limit: 1 })
  store.reset()
  const { rows } = await readPage(opened, query)
  assert.deepEqual(
    rows.map(row => toHex(row.hash)),
    expected(query)
  )
  assert.deepEqual([rows.length, store.gets, store.seeks], [1000, 0, 1])
  assert(store.visited < 2000, `${store.visited}`)
})

test('a page of topics that are most of the traffic is scanned', async () => {
  const { rows, seeks, postings } = await cost({
    ...range,
    topics: [...traffic.hot, ...traffic.cold.slice(0, 900)],
    limit: 500
  })
  assert.equal(rows, 500)
  assert.equal(postings, 0)
  assert(seeks > 0 && seeks < 60, `${seeks}`)
})

/** A small archive, all blocks of it finished but the last numbers. */
async function small(t: Parameters<typeof temporaryLevel>[0]) {
  const db = new CountingStore(await temporaryLevel(t))
  const list = [...new Traffic(new Prng(7), { count: 5000, days: 3, payload: 20 }).batches(5000)].flat()
  const opened = await LevelArchive.open({ db, blockSize: 512 })
  await opened.append(list)
  await blocksFinished(db, opened, 8)
  const topics = [...new Map(list.map(({ topic, topicNumber }) => [topicNumber, topic])).values()].slice(0, 60)
  const query: ArchiveQuery = { ...range, topics, limit: 10_000 }
  const found = async (archive: LevelArchive, asked: ArchiveQuery = query) =>
    (await readPage(archive, asked)).rows.map(({ hash }) => toHex(hash))
  return { db, list, opened, query, found }
}

test('where a posting cannot be read, or the times of a block are not known or are lost, the index of the days tells the same', async t => {
  const spoiled: [string, (db: CountingStore) => Promise<LevelOperation>][] = [
    [
      'a posting is cut off',
      async db => {
        const [first] = await all(db, layout.blockPostings(2))
        const [key, posting] = first as LevelEntry
        return { type: 'put', key, value: posting.subarray(0, 30) }
      }
    ],
    [
      'the times of a block are damaged',
      async () => ({ type: 'put', key: layout.blockKey(3), value: new Uint8Array(16) })
    ],
    ['the first block is not listed', async () => ({ type: 'del', key: layout.blockKey(0) })],
    ['one in the middle is not listed', async () => ({ type: 'del', key: layout.blockKey(4) })]
  ]
  for (const [name, spoil] of spoiled) {
    const { db, list, opened, query, found } = await small(t)
    const named = (await all(db, layout.blockPostings(2)))[0]?.[0] as Uint8Array
    const topics = list.filter(({ topicNumber }) => topicNumber === layout.readPostingTopic(named)).slice(0, 1)
    const asked = { ...query, topics: [...(query.topics as Uint8Array[]), ...topics.map(({ topic }) => topic)] }
    await opened.close()
    await db.batch([await spoil(db)], { sync: true })
    const again = await LevelArchive.open({ db })
    db.reset()
    assert.deepEqual(await found(again, asked), expected(asked, list), name)
    assert(db.seeks > 0, `${name}: by the index`)
    await again.close()
  }
})

test('what was deleted is not in a page, what was stored again after that is in it once, and what is lost is told', async t => {
  const { db, list, opened, query, found } = await small(t)
  const before = list[2000]?.sent as number
  await opened.prune(before)
  const rest = list.filter(({ sent }) => sent >= before)
  assert.deepEqual(await found(opened), expected(query, rest))
  const back = list.filter(({ sent }, i) => sent < before && i % 3 === 0)
  await opened.append(back)
  assert.deepEqual(await found(opened), expected(query, [...rest, ...back]))
  const lost = rest.find(envelope => matches(query, envelope)) as Envelope
  const { sent, hash, topicNumber: topic } = lost
  await db.batch([{ type: 'del', key: layout.envelopeKey({ sent, hash, topic }) }], { sync: true })
  const slices = opened.query(query)
  let rows = 0
  let step = await slices.next()
  for (; step.done !== true; step = await slices.next()) rows += step.value.length
  assert.deepEqual([rows, step.value.damaged], [expected(query, [...rest, ...back]).length - 1, 1])
  await opened.close()
})

test('an envelope that came late is found at its time, whichever block it came with', async t => {
  const { db, list, opened, query, found } = await small(t)
  const topic = query.topics?.[0] as Uint8Array
  const late = Array.from({ length: 700 }, (_, i) =>
    envelopeAt(
      Traffic.firstDay + i * 370,
      i % 7 === 0 ? topic : (query.topics?.[1] as Uint8Array),
      Uint8Array.of(i >> 8, i)
    )
  )
  await opened.append(late)
  await blocksFinished(db, opened, 11)
  db.reset()
  for (const limit of [7, 100, 10_000])
    assert.deepEqual(await found(opened, { ...query, limit }), expected({ ...query, limit }, [...list, ...late]))
  assert.equal(db.seeks, 0)
  await opened.close()
})

async function all(db: LevelStore, bounds: layout.Bounds): Promise<LevelEntry[]> {
  const entries: LevelEntry[] = []
  for await (const entry of readAll(db, bounds)) entries.push(entry)
  return entries
}
