import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { LEVEL_OPTIONS, openDatabase } from '../../src/archive/database/database.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { GapKind } from '../../src/wire/request/coverage.js'
import { envelopesOfProcess } from './appending-process.js'
import { readPage } from './comparison.js'
import { copyOf, databaseInTables, flip, largest } from './damage.js'
import { temporaryDirectory } from './temporary.js'
import { envelopeAt } from './traffic.js'

await useQuickKeccak()

const NOON = 1_600_041_600
const ALL = { lower: 0, upper: MAX_UINT32, limit: Number.POSITIVE_INFINITY }
const TOPIC = Uint8Array.of(1, 2, 3, 4)
const SOUND = { damaged: 0, missing: 0, index: 0, countsWrong: false, files: 0, restored: 0, gaps: [] }
const ENVELOPES = Array.from({ length: 600 }, (_, i) => envelopeAt(NOON + i * 300, TOPIC, new Uint8Array(100).fill(i)))

type Level = ClassicLevel<Uint8Array, Uint8Array>

async function changed(directory: string, change: (level: Level) => Promise<void>): Promise<void> {
  const level: Level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  await level.open()
  await change(level)
  await level.close()
}

const entryOf = ({ sent, hash, topicNumber, size }: Envelope): layout.Entry => ({
  sent,
  hash,
  topic: topicNumber,
  size
})

test('verify says what is wrong, and nothing of an archive that is sound', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES.slice(0, 300), ENVELOPES.slice(300)])
  const sound = await openDatabase(directory)
  assert.deepEqual(await sound.archive.verify(), { ...SOUND, envelopes: 600 })
  await sound.archive.prune((ENVELOPES[100] as Envelope).sent)
  assert.deepEqual(await sound.archive.verify(), { ...SOUND, envelopes: 500 })
  await sound.close()
  const [a, b, c] = ENVELOPES.slice(200) as [Envelope, Envelope, Envelope]
  await changed(directory, async level => {
    const row = (await level.get(layout.envelopeKey(entryOf(a)))) as Uint8Array
    row[40] = (row[40] as number) ^ 1
    await level.put(layout.envelopeKey(entryOf(a)), row)
    await level.del(layout.envelopeKey(entryOf(b)))
    // when a run may go
    await level.del(layout.runAgeKey((ENVELOPES[299] as Envelope).sent, 300))
  })
  const { archive, close } = await openDatabase(directory)
  t.after(close)
  const gaps = [a, b].map(({ sent }) => ({ from: sent, until: sent, kind: GapKind.damaged, count: 1 }))
  const found = { envelopes: 498, damaged: 1, missing: 1, index: 1, countsWrong: true, files: 0, restored: 0, gaps }
  assert.deepEqual(await archive.verify(), found)
  assert.deepEqual(await archive.verify(), found, 'nothing was changed')

  assert.deepEqual(await archive.repair(), found)
  const { rows } = await readPage(archive, ALL)
  assert.deepEqual(
    (await readPage(archive, { ...ALL, topics: [TOPIC] })).rows.map(({ raw }) => toHex(raw)),
    rows.map(({ raw }) => toHex(raw))
  )
  const stats = await archive.stats()
  assert.deepEqual([stats.envelopes, stats.topics, stats.lastSeq, stats.damaged], [498, 1, 600, undefined])
  assert.equal(
    stats.bytes,
    rows.reduce((sum, { raw }) => sum + raw.length, 0)
  )
  assert.deepEqual((await archive.coverage({ lower: 0, upper: MAX_UINT32 })).gaps, gaps, 'kept for those who ask')
  assert.deepEqual(await archive.append([a, b, c]), ['stored', 'stored', 'known'])
  assert.equal((await archive.verify()).countsWrong, false)
  assert.equal((await archive.stats()).envelopes, 500)
})

test('a repair that was broken off is made good by the next opener', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES])
  const one = ENVELOPES[5] as Envelope
  await changed(directory, async level => {
    // as far as it came: a row dropped, nothing counted yet
    await level.put(layout.metaKey('repairing'), layout.uint32(1))
    await level.del(layout.envelopeKey(entryOf(one)))
  })
  const { archive, close } = await openDatabase(directory)
  t.after(close)
  assert.equal((await archive.stats()).envelopes, 599)
  assert.equal((await archive.verify()).countsWrong, false)
})

/** A database whose writer was killed, and how many envelopes it had confirmed. */
async function killed(t: TestContext): Promise<{ database: string; log: string; acknowledged: number }> {
  const database = join(await temporaryDirectory(t), 'db')
  const child = fork(fileURLToPath(new URL('./appending-process.js', import.meta.url)), [database])
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
  return { database, log: await largest(database, '.log'), acknowledged }
}

test('a bit that changed in the log after a kill is put right at open: nothing is lost', async t => {
  const { database, log, acknowledged } = await killed(t)
  const { size } = await stat(log)
  // in a record, in the length of the first one, in its type and in its checksum
  for (const at of [Math.floor(size / 2), 4, 6, 1]) {
    const copy = await copyOf(database, 'copy')
    await flip(join(copy, basename(log)), at)
    const { archive, close } = await openDatabase(copy)
    const said: string[] = []
    archive.watch({ damaged: (_gap, text) => said.push(text) })
    assert.deepEqual(said, ["put right in the database's log or manifest: 1 damaged part"])
    const { rows } = await readPage(archive, ALL)
    assert((await archive.stats()).envelopes === rows.length && rows.length >= acknowledged)
    assert.deepEqual(await archive.verify(), { ...SOUND, envelopes: rows.length, restored: 1 })
    await close()
  }
})

test('bytes that changed in the log after a kill: what they lost is found at open, named and counted out', async t => {
  const { database, log, acknowledged } = await killed(t)
  const middle = Math.floor((await stat(log)).size / 2)
  await flip(log, [middle, middle + 1, middle + 9])

  const { archive, close } = await openDatabase(database)
  t.after(close)
  const said: string[] = []
  archive.watch({ damaged: (_gap, text) => said.push(text) })
  const { envelopes, lastSeq } = await archive.stats()
  const { rows } = await readPage(archive, ALL)
  assert.equal(envelopes, rows.length, 'the counts are true')
  const lost = acknowledged - rows.length
  t.diagnostic(`${acknowledged} acknowledged, ${rows.length} there; ${said.length} lines say so`)
  assert(lastSeq >= acknowledged)
  assert(
    said.length > 0 &&
      said.every(text => /lost: \d+ stored envelopes? \((of )?numbers \d+ to \d+ of the order of ingest\)/.test(text))
  )
  const { gaps } = await archive.coverage({ lower: 0, upper: MAX_UINT32 })
  const missing = envelopesOfProcess(0, acknowledged).filter(
    ({ hash }) => !rows.some(row => Buffer.compare(row.hash, hash) === 0)
  )
  assert(missing.length >= lost && missing.length > 0)
  for (const { sent } of missing)
    assert(gaps.some(gap => gap.kind === GapKind.damaged && gap.from <= sent && gap.until >= sent))
  assert.deepEqual(new Set(await archive.append(missing)), new Set(['stored']))
})

test('what changed in the log of an archive that was closed is found too', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  const { archive, close } = await openDatabase(directory)
  for (let from = 0; from < 600; from += 20) await archive.append(ENVELOPES.slice(from, from + 20))
  await close()
  const log = await largest(directory, '.log')
  const middle = Math.floor((await stat(log)).size / 2)
  await flip(log, [middle, middle + 1, middle + 9])
  const again = await openDatabase(directory)
  t.after(again.close)
  const said: string[] = []
  again.archive.watch({ damaged: (_gap, text) => said.push(text) })
  const { rows } = await readPage(again.archive, ALL)
  assert(rows.length < 600)
  assert(said.some(text => /lost: \d+ stored envelopes?/.test(text)))
  const { gaps } = await again.archive.coverage({ lower: 0, upper: MAX_UINT32 })
  for (const { sent, hashHex } of ENVELOPES)
    if (!rows.some(({ hash }) => toHex(hash) === hashHex))
      assert(gaps.some(({ from, until }) => from <= sent && until >= sent))
  await again.close()
  const third = await openDatabase(directory)
  t.after(third.close)
  third.archive.watch({ damaged: (_gap, text) => assert.fail(text) })
  assert.deepEqual((await third.archive.coverage({ lower: 0, upper: MAX_UINT32 })).gaps, gaps, 'said once')
})

test('an archive that was closed is not looked through at open, and one without marks neither', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES])
  await rm(`${directory}.marks`)
  const { archive, close } = await openDatabase(directory)
  t.after(close)
  assert.equal((await archive.stats()).envelopes, 600)
  assert.deepEqual((await archive.coverage({ lower: 0, upper: MAX_UINT32 })).gaps, [])
})

test('a database without the name of its manifest is no new one', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES])
  for (const spoil of [() => rm(join(directory, 'CURRENT')), () => flip(join(directory, 'CURRENT'), 3)]) {
    await spoil()
    const { archive, close } = await openDatabase(directory)
    assert.equal((await readPage(archive, ALL)).rows.length, 600)
    await close()
  }
  await rm(join(directory, 'CURRENT'))
  await rm(await largest(directory, /^MANIFEST/))
  await assert.rejects(openDatabase(directory), { message: /CURRENT is missing; "waku-mailserver repair" may mend it/ })
  const { archive, close } = await openDatabase(directory, { salvage: true })
  t.after(close)
  assert.deepEqual(await archive.verify(), { ...SOUND, envelopes: 600 })
})

test('a database whose manifest is damaged opens after a repair, with everything in it', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES])
  const manifest = await largest(directory, /^MANIFEST/)
  await flip(manifest, [20, 21, 25])
  await assert.rejects(openDatabase(directory), { name: 'ArchiveError', message: /waku-mailserver repair/ })
  const { archive, close } = await openDatabase(directory, { salvage: true })
  t.after(close)
  await archive.repair()
  assert.deepEqual(await archive.verify(), { ...SOUND, envelopes: 600 })
  assert.equal((await readPage(archive, ALL)).rows.length, 600)
})
