import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Archive, SequenceQuery } from '../../src/archive/archive.js'
import { type LevelEntry, type LevelStore, readAll } from '../../src/archive/database/level-store.js'
import { IngestMarks } from '../../src/archive/level/ingest-marks.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { encodePosting, postingEntries } from '../../src/archive/level/level-posting.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicNumber } from '../../src/wire/envelope/topic.js'
import { blocksFinished } from './blocks-finished.js'
import { readSequence } from './comparison.js'
import { conformance } from './conformance.js'
import { CountingStore } from './counting-store.js'
import { FaultyStore } from './faulty-store.js'
import { Prng } from './prng.js'
import { closedBy, temporaryDirectory, temporaryLevel } from './temporary.js'
import { envelopeAt, Traffic } from './traffic.js'

await useQuickKeccak()

const NOON = 1_600_041_600
const ALL = { lower: 0, upper: MAX_UINT32, limit: Number.POSITIVE_INFINITY, after: 0 }
const [RED, BLUE] = [Uint8Array.of(1, 1, 1, 1), Uint8Array.of(2, 2, 2, 2)]
const SIZE = 64

// So small that a comparison with the model finishes many of them, while it appends, prunes and opens again.
await conformance(
  'level archive in small blocks',
  async t => {
    const db = await temporaryLevel(t)
    return async () => {
      const archive = await LevelArchive.open({ db, blockSize: SIZE })
      return closedBy(archive, () => archive.close())
    }
  },
  { cases: 3000, seeds: [5, 6, 7] }
)

const envelopes = (from: number, count: number): Envelope[] =>
  Array.from({ length: count }, (_, i) =>
    envelopeAt(NOON + from + i, (from + i) % 3 === 0 ? BLUE : RED, Uint8Array.of((from + i) >> 8, from + i))
  )

async function all(db: LevelStore, bounds: layout.Bounds): Promise<LevelEntry[]> {
  const entries: LevelEntry[] = []
  for await (const entry of readAll(db, bounds)) entries.push(entry)
  return entries
}

/** Opened, and all whole blocks are finished. */
async function opened(db: LevelStore): Promise<LevelArchive> {
  const archive = await LevelArchive.open({ db, blockSize: SIZE })
  await blocksFinished(db, archive, Math.floor((await archive.stats()).lastSeq / SIZE))
  return archive
}

async function sequence(archive: Archive, query: Partial<SequenceQuery> = {}): Promise<string[]> {
  const { rows } = await readSequence(archive, { ...ALL, ...query })
  return rows.map(({ seq, raw }) => `${seq} ${toHex(raw)}`)
}

const numbered = (list: Envelope[]): string[] => list.map(({ raw }, i) => `${i + 1} ${toHex(raw)}`)

test('ten topics of five thousand, away for a week: three entries visited at most for each envelope that comes', async t => {
  const store = new CountingStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store })
  const traffic = new Traffic(new Prng(3), { count: 300_000, days: 9, payload: 40 })
  let after = 0
  for (const batch of traffic.batches(1000)) {
    await archive.append(batch)
    after ||= (await archive.stats()).lastSeq >= 50_000 ? 50_000 : 0
  }
  const prng = new Prng(4)
  for (const topics of [10, 10, 1, 100]) {
    const wanted = Array.from({ length: topics }, () => prng.pick(traffic.cold))
    store.reset()
    let found = 0
    // each page reads the postings of its block anew: one of ten envelopes for each topic, as phones ask for them
    const limit = Math.max(100, 10 * topics)
    for (let at = after; ; ) {
      const { rows, end } = await readSequence(archive, { ...ALL, after: at, limit, topics: wanted })
      found += rows.length
      at = end.seq
      if (!end.more) break
    }
    // postings hold nothing that does not match, and every envelope is one more that is fetched
    const visited = store.visited + store.gets
    t.diagnostic(`${topics} topics: ${found} envelopes, ${visited} entries and values read`)
    assert(found > topics * 20)
    assert(visited <= 3 * found + 4 * topics, `${visited} for ${found}`)
  }
  store.reset()
  const { rows } = await readSequence(archive, { ...ALL, after, limit: 1000 })
  const again = store.visited
  await readSequence(archive, { ...ALL, after: rows.at(-1)?.seq ?? 0, limit: 1000 })
  assert(store.visited - again <= 10, `the next page of everything finds the block in memory: ${store.visited - again}`)
  await archive.close()
})

test('finished blocks are in postings alone, and take no more room than runs did', async t => {
  const db = await temporaryLevel(t)
  const archive = await opened(db)
  const list = envelopes(0, 10 * SIZE + 7)
  for (let from = 0; from < list.length; from += 50) await archive.append(list.slice(from, from + 50))
  await archive.close()
  const again = await opened(db)
  const runs = await all(db, layout.runsFrom(0))
  assert.deepEqual(
    runs.map(([key]) => layout.readRunSeq(key)),
    [10 * SIZE + 7]
  )
  assert.equal((await all(db, layout.allPostings())).length, 20)
  const size = (entries: LevelEntry[]) => entries.reduce((sum, [, value]) => sum + value.length, 0)
  assert(size(await all(db, layout.allPostings())) < 10 * SIZE * layout.RUN_ENTRY_BYTES)
  assert.deepEqual(await sequence(again), numbered(list))
  const { index, missing, damaged, envelopes: sound } = await again.verify()
  assert.deepEqual({ index, missing, damaged, sound }, { index: 0, missing: 0, damaged: 0, sound: list.length })
  await again.close()
})

test('a block that was not written stays in runs, and is finished by the next append that can', async t => {
  const level = await temporaryLevel(t)
  const store = new FaultyStore(level)
  const archive = await LevelArchive.open({ db: store, blockSize: SIZE })
  const list = envelopes(0, 4 * SIZE)
  store.onWrite = operations => {
    if (operations.some(({ type, key }) => type === 'put' && key[3] === 0x70)) store.writes = 'fail'
  }
  await archive.append(list.slice(0, 2 * SIZE))
  await archive.attend(1).catch(() => {})
  assert.equal((await all(level, layout.allPostings())).length, 0)
  store.onWrite = () => {}
  store.writes = 'succeed'
  assert.deepEqual(await sequence(archive), numbered(list.slice(0, 2 * SIZE)))
  await archive.append(list.slice(2 * SIZE))
  await blocksFinished(level, archive, 3)
  assert((await all(level, layout.allPostings())).length >= 6)
  assert.deepEqual(await sequence(archive), numbered(list))
  await archive.close()
})

test('while the end of the order of ingest is read into memory again, who asks is told all of it', async t => {
  const store = new FaultyStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store, blockSize: SIZE })
  const list = envelopes(0, 7 * SIZE + 10) // too much at once for what is kept in memory
  const damaged: string[] = []
  archive.watch({ damaged: (_gap, text) => damaged.push(text) })
  const count = async (): Promise<number> => {
    let sum = 0
    for await (const rows of archive.query({ lower: 0, upper: MAX_UINT32, limit: 1000, topics: [BLUE] }))
      sum += rows.length
    return sum
  }
  const asked: Promise<void>[] = []
  let blocks = 0
  let isDue = false
  store.onWrite = operations => {
    isDue = operations.some(({ type, key }) => type === 'put' && key[3] === 0x70)
    if (isDue) blocks++
  }
  // the first read after a block was finished is that of what comes behind it
  store.onRead = () => {
    if (!isDue) return
    isDue = false
    const after = blocks * SIZE
    asked.push(sequence(archive, { after }).then(found => assert.deepEqual(found, numbered(list).slice(after))))
    asked.push(count().then(n => assert.equal(n, Math.ceil(list.length / 3))))
  }
  await archive.append(list)
  await blocksFinished(store, archive, 7)
  assert(asked.length > 1)
  await Promise.all(asked)
  assert.deepEqual(damaged, [])
  await archive.close()
})

test('an archive of the format before is taken over: its runs become postings, whatever their bounds', async t => {
  const db = await temporaryLevel(t)
  const first = await LevelArchive.open({ db, blockSize: 65_536 })
  const list = envelopes(0, 7 * SIZE + 11)
  for (let from = 0; from < list.length; from += 37) await first.append(list.slice(from, from + 37))
  await first.close()
  await db.batch([{ type: 'put', key: layout.metaKey('format'), value: layout.uint32(3) }], { sync: true })
  const archive = await opened(db)
  assert.equal((await all(db, layout.allPostings())).length, 14)
  assert.deepEqual(await sequence(archive), numbered(list))
  assert.deepEqual(
    await sequence(archive, { topics: [BLUE], after: 100 }),
    numbered(list).filter((_, i) => i >= 100 && i % 3 === 0)
  )
  const [format] = await db.getMany([layout.metaKey('format')])
  assert.equal(format && toHex(format), '00000005')
  await archive.close()
})

test('what is pruned leaves the postings: of a topic its own, of everything all of a block', async t => {
  const db = await temporaryLevel(t)
  const archive = await opened(db)
  const list = envelopes(0, 6 * SIZE)
  await archive.append(list)
  await archive.close()
  const again = await opened(db)
  const [red, blue] = [RED, BLUE].map(topicNumber) as [number, number]
  const postings = async (topic: number) =>
    (await all(db, layout.allPostings())).filter(([key]) => layout.readPostingTopic(key) === topic).length
  await again.trim({ before: NOON + 3 * SIZE, topics: [RED] })
  assert.deepEqual([await postings(red), await postings(blue)], [3, 6])
  await again.trim({ before: NOON + 5 * SIZE, except: [BLUE] })
  assert.deepEqual([await postings(red), await postings(blue)], [1, 6])
  assert.deepEqual(
    await sequence(again),
    numbered(list).filter((_, i) => i % 3 === 0 || i >= 5 * SIZE)
  )
  await again.prune(NOON + 6 * SIZE)
  assert.equal((await all(db, layout.allPostings())).length, 0)
  assert.equal((await all(db, layout.allBlocks())).length, 0)
  assert.deepEqual(await sequence(again), [])
  assert.deepEqual(await again.append(envelopes(6 * SIZE, 1)), ['stored'])
  assert.equal((await readSequence(again, ALL)).rows[0]?.seq, 6 * SIZE + 1)
  await again.close()
})

test('postings that are lost, wrong or damaged are noticed, and repair makes them good', async t => {
  const db = await temporaryLevel(t)
  const archive = await opened(db)
  const list = envelopes(0, 6 * SIZE)
  await archive.append(list)
  await archive.close()
  await (await opened(db)).close()
  const [lost, odd, wrong] = (await all(db, layout.allPostings())) as [LevelEntry, LevelEntry, LevelEntry]
  const place = { before: SIZE, topic: layout.readPostingTopic(wrong[0]) }
  const entries = postingEntries(wrong[1], place)
  ;(entries[0] as { sent: number }).sent += 1
  await db.batch(
    [
      { type: 'del', key: lost[0] },
      { type: 'put', key: odd[0], value: odd[1].subarray(0, 50) },
      { type: 'put', key: wrong[0], value: encodePosting(entries, place.before) },
      { type: 'del', key: layout.blockKey(4) }
    ],
    { sync: true }
  )
  const again = await opened(db)
  const raws = new Set(list.map(({ raw }) => toHex(raw)))
  const slices = again.sequence(ALL)
  for (let step = await slices.next(); ; step = await slices.next()) {
    if (step.done !== true) continue
    const what =
      'one that is lost, one that cannot be read, one that is not what was written, and its entry that leads nowhere'
    assert.equal(step.value.damaged, 4, what)
    break
  }
  const gone =
    postingEntries(lost[1], { before: 0, topic: 0 }).length + postingEntries(odd[1], { before: 0, topic: 0 }).length
  const { index, missing, damaged } = await again.verify()
  assert.deepEqual({ index, missing, damaged }, { index: gone + 1 + 1 + 2, missing: 0, damaged: 0 })
  await again.repair()
  const after = await again.verify()
  assert.deepEqual([after.index, after.missing, after.damaged, after.envelopes], [0, 0, 0, list.length])
  const { rows } = await readSequence(again, ALL)
  assert.deepEqual(new Set(rows.map(({ raw }) => toHex(raw))), raws, 'all have a place again')
  await again.close()
})

test('a group that is lost is found missing also when its block was finished before', async t => {
  const db = await temporaryLevel(t)
  const path = join(await temporaryDirectory(t), 'marks')
  const open = async () => LevelArchive.open({ db, blockSize: SIZE, marks: new IngestMarks(path) })
  // never closed: it ends as by a kill
  const archive = await open()
  const list = envelopes(0, 5 * SIZE)
  for (let from = 0; from < list.length; from += 16) await archive.append(list.slice(from, from + 16))
  await blocksFinished(db, archive, 4)
  await archive.prune(NOON + 16)
  const gone = list.slice(SIZE + 32, SIZE + 48)
  const entries = gone.map(({ sent, hash, topicNumber: topic }) => ({ sent, hash, topic }))
  await db.batch(
    entries.map(entry => ({ type: 'del', key: layout.envelopeKey(entry) }) as const),
    { sync: true }
  )
  const again = await open()
  const said: string[] = []
  again.watch({ damaged: (_gap, text) => said.push(text) })
  assert.deepEqual(said, [`lost: 16 stored envelopes (numbers ${SIZE + 33} to ${SIZE + 48} of the order of ingest)`])
  const [gap, ...others] = (await again.coverage(ALL)).gaps
  assert.deepEqual([gap?.from, gap?.until, gap?.count, others], [gone[0]?.sent, gone.at(-1)?.sent, 16, []])
  const { rows, end } = await readSequence(again, ALL)
  assert.deepEqual([rows.length, end], [5 * SIZE - 32, { seq: 5 * SIZE, more: false }])
  await again.close()
})
