import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ArchiveRow } from '../../src/archive/archive.js'
import { openDatabase } from '../../src/archive/database/database.js'
import { readAll } from '../../src/archive/database/level-store.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { everything } from '../../src/archive/level/level-layout.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { envelopesOfProcess } from './appending-process.js'
import { readPage, readSince } from './comparison.js'
import { FaultyStore } from './faulty-store.js'
import { temporaryDirectory, temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

const ALL = { lower: 0, upper: MAX_UINT32, limit: Number.POSITIVE_INFINITY }
const NOON = 1_600_041_600
const TOPIC = Uint8Array.of(1, 2, 3, 4)

await useQuickKeccak()

function envelopes(from: number, count: number): Envelope[] {
  return Array.from({ length: count }, (_, i) => envelopeAt(NOON + (from + i) * 600, TOPIC, new Uint8Array(from + i)))
}

const isArchiveError = (error: Error): boolean =>
  error.name === 'ArchiveError' && error.cause instanceof Error && error.cause.message === 'input/output error'

const printRow = ({ sent, hash, raw }: ArchiveRow): string => `${sent} ${toHex(hash)} ${toHex(raw)}`

/** Every number that the archive keeps, counted again from what it holds. */
async function assertConsistent(archive: LevelArchive): Promise<void> {
  const { rows } = await readPage(archive, ALL)
  const byTopic = await readPage(archive, { ...ALL, topics: [TOPIC] })
  assert.deepEqual(byTopic.rows.map(printRow), rows.map(printRow), 'the index has what is stored')
  const stats = await archive.stats()
  assert.equal(stats.envelopes, rows.length)
  assert.equal(
    stats.bytes,
    rows.reduce((sum, { raw }) => sum + raw.length, 0)
  )
  assert.equal(stats.topics, rows.length > 0 ? 1 : 0)
  const sequence = await readSince(archive, 0, Number.POSITIVE_INFINITY)
  assert.equal(sequence.length, rows.length, 'each envelope has one sequence number')
  assert(sequence.every(({ seq }) => seq <= stats.lastSeq))
}

test('every batch is synced', async t => {
  const store = new FaultyStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store })
  await archive.append(envelopes(0, 3))
  await archive.prune(2 ** 32)
  const written =
    'the new archive, when it began, the append, how far pruning goes, the prune of that day, the ingest order'
  assert.equal(store.batches.length, 6, written)
  assert(store.batches.every(({ sync }) => sync))
})

for (const writes of ['fail', 'fail afterwards'] as const) {
  test(`when writes ${writes}, every append of the group rejects, the counts stay right and a retry succeeds`, async t => {
    const level = await temporaryLevel(t)
    const store = new FaultyStore(level)
    const archive = await LevelArchive.open({ db: store })
    await archive.append(envelopes(0, 5))
    store.writes = writes
    const results = await Promise.allSettled([5, 7, 9].map(from => archive.append(envelopes(from, 2))))
    for (const result of results) assert(result.status === 'rejected' && isArchiveError(result.reason))
    await assert.rejects(archive.prune(NOON + 600), isArchiveError)
    store.writes = 'succeed'
    const outcomes = await archive.append(envelopes(5, 6))
    assert.deepEqual(new Set(outcomes), new Set([writes === 'fail' ? 'stored' : 'known']))
    assert.deepEqual(await archive.append(envelopes(11, 1)), ['stored'])
    await assertConsistent(archive)
    assert.equal((await archive.stats()).lastSeq, 12)

    // What is in memory is what is on disk.
    const again = await LevelArchive.open({ db: level })
    assert.deepEqual(await again.stats(), await archive.stats())
    await assertConsistent(again)
  })
}

test('appends that wait while a batch is written go together in the next one', async t => {
  const store = new FaultyStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store })
  const written = store.batches.length
  let release = (): void => {}
  store.gate = new Promise(resolve => {
    release = resolve
  })
  const appends = Array.from({ length: 40 }, (_, i) => archive.append(envelopes(i, 1)))
  release()
  assert.deepEqual(
    await Promise.all(appends),
    appends.map(() => ['stored'])
  )
  assert(store.batches.length - written <= 2, `${store.batches.length - written} batches`)
  await assertConsistent(archive)
})

test('an append beyond what may wait is refused at once and stored by a retry', async t => {
  const store = new FaultyStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store, maxQueuedBytes: 5000 })
  let release = (): void => {}
  store.gate = new Promise(resolve => {
    release = resolve
  })
  const first = archive.append(envelopes(0, 4))
  const second = archive.append(envelopes(10, 3))
  await assert.rejects(archive.append(envelopes(20, 4)), { name: 'ArchiveBusyError' })
  release()
  assert.deepEqual([...(await first), ...(await second)], Array(7).fill('stored'))
  assert.deepEqual(await archive.append(envelopes(20, 4)), Array(4).fill('stored'))
  await assertConsistent(archive)
})

test('appends are served between the steps of a prune', async t => {
  const store = new FaultyStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store })
  const old = Array.from({ length: 6000 }, (_, i) => envelopeAt(NOON, TOPIC, Uint8Array.of(i >> 8, i)))
  await archive.append(old)
  const written = store.batches.length
  const pruning = archive.prune(NOON + 86_400)
  const order: string[] = []
  const appended = archive.append(envelopes(200, 1)).then(() => order.push('append'))
  assert.equal(await pruning, 6000)
  order.push('prune')
  await appended
  assert.deepEqual(order, ['append', 'prune'])
  const largest = Math.max(...store.batches.slice(written).map(({ operations }) => operations.length))
  assert(largest < 2100, `${largest} operations in one batch`)
  await assertConsistent(archive)
  const left = []
  for await (const [key] of readAll(store, everything())) left.push(toHex(key))
  assert(left.length < 12, `nothing of the pruned envelopes stays behind: ${left.length}`)
})

test('what is appended behind a prune under way survives it, also in ingest order', async t => {
  const store = new FaultyStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store })
  await archive.append(Array.from({ length: 3000 }, (_, i) => envelopeAt(NOON, TOPIC, Uint8Array.of(i >> 8, i))))
  // It was sent before all that is being deleted, so the prune has passed its place.
  const late = envelopeAt(NOON - 3600, new Uint8Array(4), new Uint8Array(1))
  let appended: Promise<unknown> | undefined
  store.onWrite = operations => {
    if (operations.some(({ type }) => type === 'del')) appended ??= archive.append([late])
  }
  assert.equal(await archive.prune(NOON + 86_400), 3000)
  assert.deepEqual(await appended, ['stored'])
  const sequence = await readSince(archive, 0, 10)
  assert.deepEqual(
    sequence.map(({ seq, raw }) => [seq, toHex(raw)]),
    [[3001, toHex(late.raw)]]
  )
  assert.equal((await readPage(archive, ALL)).rows.length, 1)
})

test('what was acknowledged before kill -9 is there afterwards, and the counts are right', async t => {
  const directory = await temporaryDirectory(t)
  const child = fork(fileURLToPath(new URL('./appending-process.js', import.meta.url)), [directory])
  t.after(() => child.kill('SIGKILL'))
  let acknowledged = 0
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('message', count => {
      acknowledged = Number(count)
      if (acknowledged >= 3000) resolve()
    })
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  const { archive, close } = await openDatabase(directory)
  t.after(close)
  const { envelopes: stored } = await archive.stats()
  t.diagnostic(`${acknowledged} acknowledged, ${stored} stored`)
  assert(stored >= acknowledged)
  const outcomes = await archive.append(envelopesOfProcess(0, acknowledged))
  assert(outcomes.every(outcome => outcome === 'known'))
  await assertConsistent(archive)
})

test('a log cut off in the middle of a batch loses that batch as a whole and nothing before it', async t => {
  const directory = await temporaryDirectory(t)
  const open = join(directory, 'open')
  const { archive, close } = await openDatabase(open)
  t.after(close)
  const lengths: number[] = []
  for (let i = 0; i < 4; i++) {
    await archive.append(envelopes(i * 10, 10))
    lengths.push((await stat(await logOf(open))).size)
  }
  const [synced, whole] = lengths.slice(-2) as [number, number]
  for (const length of [synced, synced + 1, Math.floor((synced + whole) / 2), whole - 1, whole]) {
    // As a power failure would leave it: the files as they are now, the log shorter.
    const copy = join(directory, `cut-${length}`)
    await cp(open, copy, { recursive: true })
    await rm(join(copy, 'LOCK'), { force: true })
    await truncate(await logOf(copy), length)
    const database = await openDatabase(copy)
    assert.equal((await database.archive.stats()).envelopes, length === whole ? 40 : 30)
    await assertConsistent(database.archive)
    const outcomes = await database.archive.append(envelopes(30, 10))
    assert.deepEqual(new Set(outcomes), new Set([length === whole ? 'known' : 'stored']))
    await assertConsistent(database.archive)
    await database.close()
  }
})

async function logOf(directory: string): Promise<string> {
  const logs = (await readdir(directory)).filter(name => name.endsWith('.log'))
  assert.equal(logs.length, 1)
  return join(directory, logs[0] as string)
}
