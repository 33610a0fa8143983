import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import type { Archive, ArchiveQuery } from '../../src/archive/archive.js'
import { ClassicStore } from '../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS, openDatabase } from '../../src/archive/database/database.js'
import type { LevelStore } from '../../src/archive/database/level-store.js'
import { emptyReport } from '../../src/archive/empty-report.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { topicNumber } from '../../src/wire/envelope/topic.js'
import type { DigestPart } from '../../src/wire/request/digest.js'
import { blocksFinished } from './blocks-finished.js'
import { readSequence } from './comparison.js'
import { copyOf, databaseInTables, flip, largest } from './damage.js'
import { Prng } from './prng.js'
import { temporaryDirectory, temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

await useQuickKeccak()

const DAY = 86_400
const FIRST = Math.floor(1_600_000_000 / DAY) * DAY
const TOPICS = Array.from({ length: 12 }, (_, i) => Uint8Array.of(7, i, 2 * i, 1))
/** Three days of twelve topics, every ten minutes. */
const ENVELOPES = Array.from({ length: 3 * 144 * 2 }, (_, i) =>
  envelopeAt(FIRST + Math.floor(i / 2) * 600 + 7, TOPICS[i % 12] as Uint8Array, new Uint8Array(40).fill(i & 0xff))
)
const WHOLE = { lower: FIRST, upper: FIRST + 3 * DAY - 1 }
const PARTS = { lower: FIRST + 30_000, upper: FIRST + DAY + 40_000 }

/** What a query brings, in one page. */
async function ask(
  archive: Archive,
  query: Omit<ArchiveQuery, 'limit'>
): Promise<{ found: string[]; damaged: number }> {
  const found: string[] = []
  const slices = archive.query({ ...query, limit: 10_000 })
  for (;;) {
    const { done, value } = await slices.next()
    if (done === true) return { found, damaged: value.damaged ?? 0 }
    found.push(...value.map(({ hash }) => toHex(hash)))
  }
}

type Asked = Omit<ArchiveQuery, 'limit'>

/** How many envelopes a walk finds, unless it says that some are missing. */
async function byTime(archive: Archive, query: Asked): Promise<number | 'damaged'> {
  const { found, damaged } = await ask(archive, query)
  return damaged > 0 ? 'damaged' : new Set(found).size
}

/** The same, as a count tells it. */
function byIndex(archive: Archive, query: Asked): Promise<number | 'damaged'> {
  return archive.size(query).then(
    ({ envelopes }) => envelopes,
    (err: Error) => {
      assert.equal(err.name, 'ArchiveDamagedError')
      return 'damaged'
    }
  )
}

const meant = ({ lower, upper, topics }: Omit<ArchiveQuery, 'limit'>): number =>
  ENVELOPES.filter(
    ({ sent, topic }) =>
      sent >= lower && sent <= upper && (topics?.some(wanted => toHex(wanted) === toHex(topic)) ?? true)
  ).length

/** An archive that has all envelopes, with so many blocks of them finished. */
async function filled(db: LevelStore, { blockSize = 64, blocks = 12 } = {}): Promise<LevelArchive> {
  const archive = await LevelArchive.open({ db, blockSize })
  for (let from = 0; from < ENVELOPES.length; from += 32) await archive.append(ENVELOPES.slice(from, from + 32))
  await blocksFinished(db, archive, blocks)
  return archive
}

async function written(t: TestContext, blockSize?: number): Promise<string> {
  const directory = join(await temporaryDirectory(t), 'db')
  if (blockSize !== undefined) {
    const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
    await level.open()
    const db = new ClassicStore(level)
    const archive = await filled(db, { blockSize, blocks: Math.floor(ENVELOPES.length / blockSize) - 1 })
    await archive.close()
    await level.close()
  }
  await databaseInTables(directory, blockSize === undefined ? [ENVELOPES] : [])
  await databaseInTables(directory, []) // what is counted later is in tables then, too
  return directory
}

/** Where in a table the keys of a letter lie: from the first of them to the first of the next letter. */
async function keysOf(file: string, letter: string): Promise<[number, number]> {
  const bytes = await readFile(file)
  const rows = Math.max(...ENVELOPES.slice(-2).map(({ raw }) => bytes.lastIndexOf(raw)))
  const from = bytes.indexOf(Buffer.from(`!a!${letter}`), letter > 'e' ? rows : 0)
  assert(from > 0, `there are keys of ${letter}`)
  return [from, bytes.lastIndexOf(Buffer.from(`!a!${letter}`)) + 40]
}

/** One topic after another: most of the traffic would be scanned, and its postings not read. */
const SINGLY = TOPICS.map(topic => [topic])

type Answer = readonly [how: string, found: number | 'damaged', asked: Asked]

/** Changes one bit after another of the keys of a letter, each in a copy: no answer hides that, and the operator is told. */
async function changeBits(
  t: TestContext,
  directory: string,
  { letter, seed, times }: { letter: string; seed: number; times: number },
  answers: (archive: Archive, time: number) => AsyncIterable<Answer>
): Promise<void> {
  const [from, to] = await keysOf(await largest(directory, '.ldb'), letter)
  const prng = new Prng(letter.charCodeAt(0) * seed)
  const count = { whole: 0, told: 0, met: 0, hidden: [] as string[] }
  for (let i = 0; i < times; i++) {
    const copy = await copyOf(directory, 'copy')
    const { archive, close } = await openDatabase(copy, { check: false })
    const said: string[] = []
    archive.watch({ damaged: (_gap, text) => said.push(text) })
    const at = prng.between(from, to)
    const bit = 1 << prng.below(8)
    await flip(await largest(copy, '.ldb'), at, bit)
    for await (const [how, found, asked] of answers(archive, i)) {
      if (found === 'damaged') count.told++
      else if (found === meant(asked)) count.whole++
      else count.hidden.push(`${how}, bit ${bit} of byte ${at}: ${found} of ${meant(asked)}`)
      if (found === 'damaged') assert(said.length > 0, 'the operator is told')
    }
    if (said.length > 0) count.met++ // by the next answer it is put right
    await close()
  }
  t.diagnostic(JSON.stringify(count))
  assert(count.met > 0)
  assert.deepEqual(count.hidden, [])
}

for (const [letter, what, blockSize, queries] of [
  ['p', 'the postings', 64, SINGLY.map(topics => ({ ...WHOLE, topics }))],
  ['p', 'the postings, of parts of days,', 64, SINGLY.map(topics => ({ ...PARTS, topics }))],
  ['c', 'what a block has', 64, SINGLY.map(topics => ({ ...WHOLE, topics }))],
  ['e', 'an envelope', undefined, [WHOLE]]
] as const) {
  test(`whatever bit of ${what} is changed while nobody looks at the files, no answer hides it`, async t => {
    const directory = await written(t, blockSize)
    await changeBits(t, directory, { letter, seed: 7, times: 20 }, async function* (archive): AsyncGenerator<
      Answer,
      void
    > {
      for (const query of queries) {
        yield ['by time', await byTime(archive, query), query]
        if (letter !== 'e') yield ['counted', await byIndex(archive, query), query]
      }
    })
  })
}

test('whatever of a run was changed, or that it is gone, is noticed when the archive is opened: it is made anew, and nothing is hidden', async t => {
  const prng = new Prng(21)
  for (let i = 0; i < 12; i++) {
    const level = await temporaryLevel(t)
    const archive = await filled(level, { blockSize: 512, blocks: 0 })
    await archive.close()
    const key = layout.runKey(ENVELOPES.length - 32 * prng.below(10))
    const value = (await level.getMany([key]))[0]?.slice() as Uint8Array
    const at = prng.below(value.length)
    value[at] = (value[at] as number) ^ (1 << prng.below(8))
    await level.batch([i % 4 === 0 ? { type: 'del', key } : { type: 'put', key, value }], { sync: true })
    const again = await LevelArchive.open({ db: level })
    const said: string[] = []
    again.watch({ damaged: (_gap, text) => said.push(text) })
    assert.deepEqual(said, ['a part of the order of ingest cannot be read: it is made anew'])
    for (const topics of [undefined, ...SINGLY]) {
      const query = { ...WHOLE, topics }
      assert.equal(await byTime(again, query), meant(query))
      assert.equal(await byIndex(again, query), meant(query))
    }
    assert.equal(await inOrder(again, WHOLE), ENVELOPES.length)
    assert.deepEqual(await again.verify(), { ...emptyReport(), envelopes: ENVELOPES.length })
    await again.close()
  }
})

test('a digest and a count of bytes where a posting is gone are made of the envelopes themselves', async t => {
  const level = await temporaryLevel(t)
  const archive = await filled(level)
  const said: string[] = []
  archive.watch({ damaged: (_gap, text) => said.push(text) })
  for (const [i, topic] of TOPICS.slice(0, 6).entries()) {
    const query = { ...WHOLE, topics: i % 2 === 0 ? [topic] : undefined }
    const [whole, size] = [await digestOf(archive, query), await archive.size(query)]
    assert.equal(size.envelopes, meant(query))
    const key = layout.postingKey(i, topicNumber(topic))
    const [posting] = await level.getMany([key])
    assert(posting !== undefined)
    await level.batch([{ type: 'del', key }], { sync: true })
    assert.deepEqual([await digestOf(archive, query), await archive.size(query)], [whole, size])
    assert(said.length > 0, 'the operator is told')
    if (i < 5) await level.batch([{ type: 'put', key, value: posting }], { sync: true })
  }
  // where an envelope of such a block is gone, too, nobody can tell what there was
  const { sent, hash, topicNumber: topic } = ENVELOPES[5 * 64 + 3] as Envelope
  const [row] = await level.getMany([layout.envelopeKey({ sent, hash, topic })])
  const changed = (row as Uint8Array).slice()
  changed[30] = (changed[30] as number) ^ 1
  await level.batch([{ type: 'put', key: layout.envelopeKey({ sent, hash, topic }), value: changed }], { sync: true })
  await assert.rejects(archive.size(WHOLE), { name: 'ArchiveDamagedError', message: /it is damaged/ })
  await archive.close()
})

async function digestOf(archive: Archive, query: Asked): Promise<DigestPart[]> {
  const digest = archive.digest({ ...query, parts: 4, by: 'time', salt: new Uint8Array(32).fill(5) })
  for (;;) {
    const { done, value } = await digest.next()
    if (done === true) return value
  }
}

test('what somebody met has the files looked through at once, and mended', async t => {
  const directory = await written(t, 64)
  const [from] = await keysOf(await largest(directory, '.ldb'), 'p')
  const { archive, checked, close } = await openDatabase(directory)
  t.after(close)
  assert.equal(await checked, 0)
  const said: string[] = []
  const mended = new Promise<void>(resolve =>
    archive.watch({
      damaged: (_gap, text) => {
        said.push(text)
        if (/put right|made anew/.test(text)) resolve()
      }
    })
  )
  await flip(await largest(directory, '.ldb'), from + 5, 1)
  const alive = setInterval(() => {}, 1000) // its looks keep no process
  t.after(() => clearInterval(alive))
  assert.equal(await byIndex(archive, WHOLE), ENVELOPES.length)
  await mended
  assert.deepEqual(
    await ask(archive, { ...WHOLE, topics: TOPICS }).then(({ found, damaged }) => [found.length, damaged]),
    [ENVELOPES.length, 0]
  )
  assert.deepEqual(await archive.verify(), { ...emptyReport(), envelopes: ENVELOPES.length, restored: 1 })
})

for (const blockSize of [64, 65_536]) {
  test(`nothing is said to be missing while envelopes come, are pruned, and are asked for, in blocks of ${blockSize}`, async t => {
    const archive = await LevelArchive.open({ db: await temporaryLevel(t), blockSize })
    await archive.append(ENVELOPES)
    const said: string[] = []
    archive.watch({ damaged: (_gap, text) => said.push(text) })
    let over = false
    const asked = Array.from({ length: 4 }, async (_, i) => {
      let queries = 0
      for (; !over; queries++) {
        const lower = FIRST + (queries % 3) * 20_000
        const query = { lower, upper: MAX_UINT32, topics: i === 0 ? undefined : TOPICS.slice(i, 3 * i + 1) }
        assert.equal((await ask(archive, query)).damaged, 0)
        await archive.size({ lower, upper: WHOLE.upper, topics: query.topics })
      }
      return queries
    })
    for (let round = 0; round < 40; round++) {
      const batch = Array.from({ length: 60 }, (_, i) =>
        envelopeAt(FIRST + (((round * 60 + i) * 97) % (3 * DAY)), TOPICS[i % 12] as Uint8Array, Uint8Array.of(round, i))
      )
      await archive.append(batch)
      if (round % 4 === 3)
        await archive.trim({ before: FIRST + round * 4000, topics: round % 8 === 3 ? TOPICS.slice(0, 5) : undefined })
    }
    over = true
    const queries = await Promise.all(asked)
    assert(
      queries.every(n => n > 3),
      queries.join()
    )
    assert.deepEqual(said, [])
    await archive.close()
  })
}

for (const [how, limit, query] of [
  ['in one page', 10_000, WHOLE],
  ['in pages that end within days', 10, WHOLE],
  ['beyond whole days', 10_000, { lower: FIRST, upper: FIRST + 2 * DAY + 40_000 }],
  ['of parts of days', 10_000, { lower: FIRST + 30_000, upper: FIRST + DAY + 40_000 }]
] as const) {
  test(`a posting, or a block, that is hidden while nobody looks at the files hides nothing from those who ask for topics ${how}`, async t => {
    const level = await temporaryLevel(t)
    const archive = await filled(level)
    const count = { whole: 0, told: 0, hidden: [] as string[] }
    const said: string[] = []
    archive.watch({ damaged: (_gap, text) => said.push(text) })
    for (const topic of TOPICS) {
      const asked = { ...query, topics: [topic] }
      assert.deepEqual(await inPages(archive, asked, limit), { found: meant(asked), damaged: 0 })
    }
    assert.deepEqual(said, [])
    await archive.close()
    for (const [i, topic] of TOPICS.entries()) {
      // what was looked at is not looked at again for some minutes
      const later = await LevelArchive.open({ db: level })
      const key = i === 0 ? layout.blockKey(4) : layout.postingKey(i, topicNumber(topic))
      const [value] = await level.getMany([key])
      assert(value !== undefined)
      await level.batch([{ type: 'del', key }], { sync: true })
      const asked = { ...query, topics: [topic] }
      const { found, damaged } = await inPages(later, asked, limit)
      if (damaged > 0) count.told++
      else if (found === meant(asked)) count.whole++
      else count.hidden.push(`${i}: ${found} of ${meant(asked)}`)
      await later.close()
      await level.batch([{ type: 'put', key, value }], { sync: true })
    }
    t.diagnostic(JSON.stringify(count))
    assert.deepEqual(count.hidden, [])
  })
}

test('where much of a day was handed out before its postings lack something, all of it is found', async t => {
  const level = await temporaryLevel(t)
  const archive = await LevelArchive.open({ db: level, blockSize: 64, maxCredit: 0 })
  const [topic] = TOPICS as [Uint8Array]
  const busy = Array.from({ length: 1600 }, (_, i) => envelopeAt(FIRST + i * 50, topic, Uint8Array.of(i >> 8, i)))
  await archive.append(ENVELOPES.filter(envelope => toHex(envelope.topic) !== toHex(topic)))
  for (let from = 0; from < busy.length; from += 32) await archive.append(busy.slice(from, from + 32))
  await blocksFinished(level, archive, 36)
  const query = { ...WHOLE, topics: [topic] }
  assert.deepEqual(await inPages(archive, query, 10_000), { found: busy.length, damaged: 0 })
  const said: string[] = []
  archive.watch({ damaged: (_gap, text) => said.push(text) })
  await level.batch([{ type: 'del', key: layout.postingKey(35, topicNumber(topic)) }], { sync: true })
  assert.deepEqual(await inPages(archive, query, 10_000), { found: busy.length, damaged: 0 })
  assert(said.length > 0, 'the operator is told')
  await archive.close()
})

for (const [letter, what] of [
  ['p', 'the postings of ingest order'],
  ['c', 'what a block of ingest order has'],
  ['k', 'which blocks there are']
] as const) {
  test(`whatever bit of ${what} is changed while nobody looks at the files, neither a catch-up nor a walk by time hides it`, async t => {
    const directory = await written(t, 64)
    // a changed length can leave a key shorter than what LevelDB keeps behind it, and an assertion of LevelDB's ends the process: none of these does
    await changeBits(t, directory, { letter, seed: 10, times: 16 }, async function* (archive, i): AsyncGenerator<
      Answer,
      void
    > {
      for (const topics of [undefined, TOPICS, [TOPICS[i % 12] as Uint8Array]]) {
        yield ['in order', await inOrder(archive, { ...WHOLE, topics }), { ...WHOLE, topics }]
        yield ['by time', await byTime(archive, { ...PARTS, topics }), { ...PARTS, topics }]
      }
    })
  })
}

test('a catch-up in order of ingest says that it is incomplete where a posting is gone, and what was pruned is not missed', async t => {
  const level = await temporaryLevel(t)
  const archive = await filled(level)
  await archive.close()
  for (const topics of [[TOPICS[3] as Uint8Array], undefined]) {
    const later = await LevelArchive.open({ db: level })
    const key = layout.postingKey(5, topicNumber(TOPICS[3] as Uint8Array))
    const [value] = await level.getMany([key])
    assert(value !== undefined)
    await level.batch([{ type: 'del', key }], { sync: true })
    assert.equal(await inOrder(later, { ...WHOLE, topics }), 'damaged')
    await level.batch([{ type: 'put', key, value }], { sync: true })
    assert.equal(await inOrder(later, { ...WHOLE, topics }), meant({ ...WHOLE, topics }))
    await later.close()
  }
  const pruned = await LevelArchive.open({ db: level })
  await pruned.trim({ before: FIRST + DAY, topics: [TOPICS[3] as Uint8Array] })
  await pruned.trim({ before: FIRST + 40_000 })
  for (const topics of [[TOPICS[3] as Uint8Array], TOPICS, undefined])
    assert.notEqual(await inOrder(pruned, { ...WHOLE, topics }), 'damaged')
  assert.equal((await pruned.verify()).index, 0)
  await pruned.close()
})

test('what is lost or changed on the disk before its block is finished comes out of memory', async t => {
  const level = await temporaryLevel(t)
  const archive = await LevelArchive.open({ db: level, blockSize: 64 })
  for (let from = 0; from < 48; from += 16) await archive.append(ENVELOPES.slice(from, from + 16))
  const changed = (await level.getMany([layout.runKey(32)]))[0]?.slice() as Uint8Array
  changed[layout.RUN_ENTRY_BYTES] = 1
  await level.batch(
    [
      { type: 'del', key: layout.runKey(16) },
      { type: 'put', key: layout.runKey(32), value: changed }
    ],
    { sync: true }
  )
  for (let from = 48; from < 160; from += 16) await archive.append(ENVELOPES.slice(from, from + 16))
  await blocksFinished(level, archive, 2)
  assert.equal(await inOrder(archive, WHOLE), 160)
  await archive.close()
})

test('the blocks that an older version finished are taken over, and told of like others', async t => {
  const level = await temporaryLevel(t)
  const older = await filled(level)
  await older.close()
  for (let block = 0; block < 12; block++) {
    const [span] = await level.getMany([layout.blockKey(block)])
    const value = (span as Uint8Array).slice(0, block % 2 === 0 ? 12 : 4)
    await level.batch(
      [
        { type: 'put', key: layout.blockKey(block), value },
        { type: 'del', key: layout.contentsKey(block) }
      ],
      { sync: true }
    )
  }
  const archive = await LevelArchive.open({ db: level })
  assert.equal(await inOrder(archive, WHOLE), ENVELOPES.length)
  for (let turns = 1; (await level.getMany([layout.contentsKey(11)]))[0] === undefined; turns++) {
    assert(turns < 1000, 'all are taken over')
    await archive.attend(turns)
  }
  assert.equal((await archive.verify()).index, 0)
  await level.batch([{ type: 'del', key: layout.postingKey(2, topicNumber(TOPICS[1] as Uint8Array)) }], { sync: true })
  const topics = [TOPICS[1] as Uint8Array]
  assert.equal(await inOrder(archive, { ...WHOLE, topics }), 'damaged')
  assert.deepEqual(await inPages(archive, { ...WHOLE, topics }, 100), {
    found: meant({ ...WHOLE, topics }),
    damaged: 0
  })
  await archive.repair()
  assert.equal((await archive.verify()).index, 0)
  assert.equal(await inOrder(archive, { ...WHOLE, topics }), meant({ ...WHOLE, topics }))
  await archive.close()
})

/** How many envelopes a catch-up brings, page after page, unless it says that some are missing. */
async function inOrder(archive: Archive, query: Asked): Promise<number | 'damaged'> {
  const found = new Set<string>()
  for (let after = 0; ; ) {
    const { rows, end } = await readSequence(archive, { ...query, after, limit: 100 })
    for (const { hash } of rows) found.add(toHex(hash))
    if (end.damaged !== undefined) return 'damaged'
    if (!end.more) return found.size
    after = end.seq
  }
}

/** How many envelopes the pages of a query bring. */
async function inPages(archive: Archive, query: Asked, limit: number): Promise<{ found: number; damaged: number }> {
  const found = new Set<string>()
  let damaged = 0
  for (let cursor: Uint8Array | undefined; ; ) {
    const slices = archive.query({ ...query, limit, cursor })
    let step = await slices.next()
    for (; step.done !== true; step = await slices.next()) for (const { hash } of step.value) found.add(toHex(hash))
    damaged += step.value.damaged ?? 0
    cursor = step.value.cursor
    if (cursor === undefined) return { found: found.size, damaged }
  }
}
