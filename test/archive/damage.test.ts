import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import type { Archive } from '../../src/archive/archive.js'
import { ClassicStore } from '../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS, openDatabase } from '../../src/archive/database/database.js'
import { emptyReport } from '../../src/archive/empty-report.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { put64 } from '../../src/archive/level/level-bytes.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { GapKind } from '../../src/wire/request/coverage.js'
import { blocksFinished } from './blocks-finished.js'
import { copyOf, databaseInTables, flip, largest } from './damage.js'
import { Prng } from './prng.js'
import { temporaryDirectory } from './temporary.js'
import { envelopeAt } from './traffic.js'

await useQuickKeccak()

const NOON = 1_600_041_600
const ALL = { lower: 0, upper: MAX_UINT32, limit: 50 }
const TOPICS = Array.from({ length: 8 }, (_, i) => Uint8Array.of(1, 2, 3, i))
const ENVELOPES = Array.from({ length: 800 }, (_, i) =>
  envelopeAt(NOON + (i >> 2), TOPICS[i % 8] as Uint8Array, new Uint8Array(120).fill(i & 0xff).fill(i >> 8, 0, 4))
)

interface Walked {
  raws: string[]
  damaged: number
}

/** All pages, each from the cursor of the one before. */
async function walk(archive: Archive, topics?: Uint8Array[]): Promise<Walked> {
  const raws: string[] = []
  let damaged = 0
  let cursor: Uint8Array | undefined
  for (let pages = 0; ; pages++) {
    assert(pages <= 3 * ENVELOPES.length, 'the walk comes to an end')
    const slices = archive.query({ ...ALL, topics, cursor })
    for (;;) {
      const { done, value } = await slices.next()
      if (done === true) {
        cursor = value.cursor
        damaged += value.damaged ?? 0
        break
      }
      raws.push(...value.map(({ raw }) => toHex(raw)))
    }
    if (cursor === undefined) return { raws, damaged }
  }
}

const STORED = new Set(ENVELOPES.map(({ raw }) => toHex(raw)))

test('a row with one changed byte is left out of every answer, counted, and stored again when it comes again', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES])
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  const spoiled = ENVELOPES[400] as Envelope
  const key = layout.envelopeKey({ sent: spoiled.sent, hash: spoiled.hash, topic: spoiled.topicNumber })
  const row = (await level.get(key)) as Uint8Array
  row[60] = (row[60] as number) ^ 1
  await level.put(key, row)
  await level.close()

  const { archive, close } = await openDatabase(directory)
  t.after(close)
  const said: string[] = []
  archive.watch({ damaged: (gap, text) => said.push(`${gap?.from} ${gap?.count} ${text}`) })
  for (const topics of [undefined, TOPICS, [spoiled.topic]]) {
    const { raws, damaged } = await walk(archive, topics)
    assert.equal(damaged, 1)
    assert.equal(raws.length, topics?.length === 1 ? 99 : 799)
    assert(!raws.includes(toHex(spoiled.raw)))
  }
  const rows = archive.sequence({ lower: 0, upper: MAX_UINT32, limit: 1000, after: 0 })
  let sequenced = 0
  for (;;) {
    const { done, value } = await rows.next()
    if (done !== true) sequenced += value.length
    else {
      assert.deepEqual(value, { seq: 800, more: false, damaged: 1 })
      break
    }
  }
  assert.equal(sequenced, 799)
  assert.deepEqual(said, [`${spoiled.sent} 1 1 damaged envelope was met and left out of an answer`], 'said once')
  assert.equal((await archive.stats()).damaged?.envelopes, 1)
  const { gaps } = await archive.coverage({ lower: spoiled.sent, upper: spoiled.sent })
  assert.deepEqual(gaps, [{ from: spoiled.sent, until: spoiled.sent, kind: GapKind.damaged, count: 1 }])

  assert.deepEqual(await archive.append([spoiled, ENVELOPES[401] as Envelope]), ['stored', 'known'])
  assert.deepEqual((await walk(archive)).raws.length, 800)
  assert.equal((await archive.stats()).envelopes, 800, 'it was counted before')
})

test('a damaged part of the order of ingest is told, and is no gap: it is numbered again when the archive is opened', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES.slice(0, 300), ENVELOPES.slice(300)])
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  const run = (await level.get(layout.runKey(300))) as Uint8Array
  await level.put(layout.runKey(300), run.subarray(0, run.length - 7))
  await level.close()
  const { archive, close } = await openDatabase(directory)
  t.after(close)
  const said: string[] = []
  archive.watch({ damaged: (gap, text) => said.push(`${gap?.from} ${text}`) })
  assert.deepEqual(said, ['undefined a part of the order of ingest cannot be read: it is made anew'])
  const rows = archive.sequence({ lower: 0, upper: MAX_UINT32, limit: 1000, after: 0 })
  let count = 0
  let step = await rows.next()
  for (; step.done !== true; step = await rows.next()) count += step.value.length
  assert.deepEqual({ count, ...step.value }, { count: 800, seq: 1100, more: false })
  const { gaps } = await archive.coverage({ lower: 0, upper: MAX_UINT32 })
  assert.deepEqual(gaps, [])
  assert.deepEqual(await archive.verify(), { ...emptyReport(), envelopes: 800 })
})

test('of a damaged part that has the counts, too, only what cannot be read is said to be lost', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  // the first envelopes are in one block with the counts of the days
  await databaseInTables(directory, [ENVELOPES], { blockSize: 16 * 1024 })
  const file = await largest(directory, '.ldb')
  const row = (await readFile(file)).lastIndexOf((ENVELOPES[0] as Envelope).raw)
  assert(row > 0)
  await flip(file, [row + 8, row + 9, row + 20])
  const { archive, close } = await openDatabase(directory)
  t.after(close)
  const said: string[] = []
  archive.watch({ damaged: (_gap, text) => said.push(text) })
  assert.deepEqual(
    said.filter(text => text.startsWith('lost')),
    ['lost: 1 stored envelope, damaged on the disk']
  )
  assert.equal((await archive.stats()).envelopes, 799)
  assert.deepEqual(
    await archive.verify().then(({ envelopes, index, missing }) => [envelopes, index, missing]),
    [799, 0, 0]
  )
})

test('a digest over damaged postings is made of the envelopes themselves, or of postings made anew', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  const db = new ClassicStore(level)
  const first = await LevelArchive.open({ db, blockSize: 64 })
  for (let from = 0; from < ENVELOPES.length; from += 32) await first.append(ENVELOPES.slice(from, from + 32))
  await blocksFinished(db, first, 11)
  await first.close()
  await level.close()
  await databaseInTables(directory, [])
  const { archive, close } = await openDatabase(directory, { check: false })
  t.after(close)
  const digest = async (): Promise<number> => {
    const steps = archive.digest({ lower: 0, upper: MAX_UINT32, parts: 1, by: 'time', salt: new Uint8Array(16) })
    for (;;) {
      const { done, value } = await steps.next()
      if (done === true) return value.reduce((sum, { count }) => sum + count, 0)
    }
  }
  assert.equal(await digest(), 800)
  const file = await largest(directory, '.ldb')
  const bytes = await readFile(file)
  const at = bytes.indexOf(Buffer.from('!a!p'), bytes.lastIndexOf((ENVELOPES[799] as Envelope).raw))
  assert(at > 0)
  await flip(file, [at + 30, at + 31, at + 35])
  assert.equal((await archive.verify()).files, 1)
  assert.equal(await digest(), 800)
  const { files, restored } = await archive.repair()
  assert.deepEqual([files, restored], [1, 0])
  assert.equal(await digest(), 800)
})

test('rows of formats before 3 are checked by their hash', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES.slice(0, 40)])
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  for (const [i, { sent, hash, topicNumber, raw }] of ENVELOPES.slice(0, 40).entries()) {
    const row = new Uint8Array(8 + raw.length)
    put64(row, 0, i + 1)
    row.set(raw, 8)
    if (i === 7) row[30] = (row[30] as number) ^ 1
    await level.put(layout.envelopeKey({ sent, hash, topic: topicNumber }), row)
  }
  await level.close()
  const { archive, close } = await openDatabase(directory)
  t.after(close)
  for (const topics of [undefined, TOPICS]) {
    const { raws, damaged } = await walk(archive, topics)
    assert.deepEqual([raws.length, damaged], [39, 1])
  }
  await archive.append(ENVELOPES.slice(30, 60))
  assert.deepEqual(await walk(archive, TOPICS).then(({ raws }) => raws.length), 59)
})

test('whatever bit of a table is changed: verify finds it, it is put right before it is read, and repair tells of it', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES.slice(0, 300), ENVELOPES.slice(300)])
  const { size } = await stat(await largest(directory, '.ldb'))
  const prng = new Prng(31)
  for (let i = 0; i < 40; i++) {
    const copy = await copyOf(directory, 'copy')
    const at = prng.below(size)
    const bit = 1 << prng.below(8)
    const { archive, close } = await openDatabase(copy, { check: false })
    await flip(await largest(copy, '.ldb'), at, bit)
    assert.equal((await archive.verify()).files, 1, `bit ${bit} of byte ${at}`)
    for (const topics of [undefined, TOPICS, TOPICS.slice(0, 1)]) {
      const { raws, damaged } = await walk(archive, topics)
      for (const raw of raws) assert(STORED.has(raw), 'delivered as it was stored')
      assert.deepEqual(
        [new Set(raws).size, raws.length, damaged],
        [...(topics?.length === 1 ? [100, 100] : [800, 800]), 0]
      )
    }
    const { files, restored } = await archive.repair()
    assert.deepEqual([files, restored], [1, 1])
    await assertWhole(archive, 1)
    await close()
  }
})

/** Everything is there, and nothing was ever wrong. */
async function assertWhole(archive: Archive, restored = 0): Promise<void> {
  assert.deepEqual(await archive.verify(), { ...emptyReport(), envelopes: 800, restored })
  for (const topics of [undefined, TOPICS])
    assert.deepEqual(await walk(archive, topics).then(({ raws, damaged }) => [raws.length, damaged]), [800, 0])
  assert.deepEqual((await archive.coverage({ lower: 0, upper: MAX_UINT32 })).gaps, [])
}

test('whatever bit of a table was changed while nobody looked is put right soon after it is opened', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES.slice(0, 300), ENVELOPES.slice(300)])
  const { size } = await stat(await largest(directory, '.ldb'))
  const prng = new Prng(32)
  for (let i = 0; i < 12; i++) {
    const copy = await copyOf(directory, 'copy')
    await flip(await largest(copy, '.ldb'), prng.below(size), 1 << prng.below(8))
    // before it is opened, or soon after, or before since it does not even open
    const { archive, checked, close } = await openDatabase(copy, { salvage: true, newest: i % 2 === 0 ? undefined : 0 })
    const said: string[] = []
    archive.watch({ damaged: (_gap, text) => said.push(text) })
    await checked
    assert.deepEqual(said, ["put right in the database's tables: 1 damaged part"])
    await assertWhole(archive, 1)
    await close()
  }
})

test('what is damaged while it is open is found by the look that follows, and mended', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES])
  const { archive, checked, close } = await openDatabase(directory, { checkEvery: 50 })
  t.after(close)
  assert.equal(await checked, 0)
  const mended = new Promise<string>(resolve => archive.watch({ damaged: (_gap, text) => resolve(text) }))
  const alive = setInterval(() => {}, 1000) // its looks keep no process
  t.after(() => clearInterval(alive))
  const file = await largest(directory, '.ldb')
  const bytes = await readFile(file)
  // a run of ingest order: no row is wrong, and nobody who reads envelopes could tell
  const at = bytes.indexOf(Buffer.from('!a!s'), bytes.lastIndexOf((ENVELOPES[799] as Envelope).raw))
  await flip(file, [at + 30, at + 31, at + 35])
  assert.match(await mended, /could not be read, and made anew: nothing is lost/)
  assert.deepEqual(await archive.verify(), { ...emptyReport(), envelopes: 800 })
})

test('a file of which a part is gone ends neither the archive nor the walk', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES])
  const file = await largest(directory, '.ldb')
  const { size } = await stat(file)
  // three blocks in the middle
  const places = Array.from({ length: 1700 }, (_, i) => Math.floor(size / 3) + i * 7)
  await flip(file, places)
  const { archive, checked, close } = await openDatabase(directory, { newest: 0 })
  t.after(close)
  const said: string[] = []
  archive.watch({ damaged: (_gap, text) => said.push(text) })
  await checked
  const { raws, damaged } = await walk(archive)
  assert.equal(damaged, 0, 'dropped')
  assert(raws.length > 700 && raws.length < 800, `${raws.length} of 800: what is sound beside it is stored again`)
  assert(said.length > 0 && said.every(text => /lost: \d+ stored envelopes?, damaged/.test(text)))
  const verified = await archive.verify()
  assert.deepEqual({ ...verified, gaps: [] }, { ...emptyReport(), envelopes: raws.length })
  const { gaps } = await archive.coverage({ lower: 0, upper: MAX_UINT32 })
  const lost = ENVELOPES.filter(({ raw }) => !raws.includes(toHex(raw)))
  for (const { sent } of lost)
    assert(gaps.some(({ from, until, kind }) => from <= sent && until >= sent && kind === GapKind.damaged))
  assert.deepEqual(new Set(await archive.append(lost)), new Set(['stored']))
  assert.deepEqual(await walk(archive, TOPICS).then(({ raws, damaged }) => [raws.length, damaged]), [800, 0])
})

test('envelopes that are lost with the order of ingest and the records of the archive are said to be lost all the same', async t => {
  const large = Array.from({ length: 2400 }, (_, i) =>
    envelopeAt(NOON + i * 100, TOPICS[i % 8] as Uint8Array, new Uint8Array(1200).fill(i & 0xff).fill(i >> 8, 0, 4))
  )
  const whole = join(await temporaryDirectory(t), 'db')
  await databaseInTables(whole, [large.slice(0, 1000), large.slice(1000)], { maxFileSize: 1 << 20 })
  const spoil = { gone: (file: string) => rm(file), short: (file: string) => truncate(file, 500_000) }
  for (const [name, spoilt] of Object.entries(spoil)) {
    const directory = await copyOf(whole, name)
    // the newest envelopes, and nearly everything that is kept beside envelopes
    for (const file of await readdir(directory))
      if ((await readFile(join(directory, file))).indexOf((large[2399] as Envelope).raw) >= 0)
        await spoilt(join(directory, file))
    const { archive, close } = await openDatabase(directory, { salvage: true, check: false })
    const said: string[] = []
    archive.watch({ damaged: (_gap, text) => said.push(text) })
    const { gaps, missing } = await archive.verify()
    const known = await archive.coverage({ lower: 0, upper: MAX_UINT32 })
    const kept = new Set((await walk(archive)).raws)
    const lost = large.filter(({ raw }) => !kept.has(toHex(raw)))
    assert(lost.length > 100 && missing === 0)
    for (const { sent } of lost)
      for (const list of [gaps, known.gaps])
        assert(list.some(({ from, until, kind }) => from <= sent && until >= sent && kind === GapKind.damaged))
    assert(said.includes(`lost: ${lost.length} stored envelopes, damaged on the disk`), said.join('; '))
    assert(!said.some(text => text.includes('nothing is lost')), said.join('; '))
    await close()
  }
})

test('where the manifest is gone the error names the repair, which brings everything back', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES])
  await rm(await largest(directory, /^MANIFEST/))
  await assert.rejects(openDatabase(directory), /"waku-mailserver repair" may mend it/)
  const { archive, close } = await openDatabase(directory, { salvage: true })
  t.after(close)
  assert.equal((await walk(archive)).raws.length, 800)
})

const DAY = 86_400

/** Two days, of which most is in one table: deleting the first one has LevelDB join all of it. */
async function twoDays(t: TestContext, spoil: (file: string, row: number) => Promise<void>) {
  const directory = join(await temporaryDirectory(t), 'db')
  const later = ENVELOPES.map(({ sent, topic }, i) => envelopeAt(sent + DAY, topic, new Uint8Array(150).fill(i)))
  await databaseInTables(directory, [ENVELOPES.slice(0, 100), later])
  const damage = async (): Promise<void> => {
    const file = await largest(directory, '.ldb')
    const row = (await readFile(file)).indexOf((later[400] as Envelope).raw)
    assert(row > 0)
    await spoil(file, row)
  }
  return { directory, damage }
}

/** Makes keys that are out of order. */
const garble = (file: string, row: number): Promise<void> =>
  flip(
    file,
    Array.from({ length: 900 }, (_, i) => row + i * 3)
  )

test('a damaged table that ends the process whenever LevelDB joins it is mended before it is opened once more', async t => {
  const { directory, damage } = await twoDays(t, garble)
  await damage()
  // it came to its end twice
  await writeFile(`${directory}.open`, '2\n')
  const { archive, close } = await openDatabase(directory, { newest: 0 })
  t.after(close)
  const said: string[] = []
  archive.watch({ damaged: (_gap, text) => said.push(text) })
  assert(said.some(text => /lost: \d+ stored envelopes?/.test(text)))
  // without that it would end here
  await archive.prune(NOON - (NOON % DAY) + DAY)
  const { files, countsWrong, damaged, index, missing } = await archive.verify()
  assert.deepEqual([files, countsWrong, damaged, index, missing], [0, false, 0, 0, 0])
})

test('what a reader met damaged is looked at before LevelDB joins it: that would end the process', async t => {
  const { directory, damage } = await twoDays(t, (file, row) =>
    flip(
      file,
      Array.from({ length: 600 }, (_, i) => row - 100 + i * 3),
      0x11
    )
  )
  const { archive, close } = await openDatabase(directory, { check: false })
  t.after(close)
  const said: string[] = []
  const lost = new Promise<void>(resolve =>
    archive.watch({
      damaged: (_gap, text) => {
        said.push(text)
        if (text.startsWith('lost')) resolve()
      }
    })
  )
  await damage()
  assert((await walk(archive)).damaged > 0)
  // without that it would end here
  await archive.prune(NOON - (NOON % DAY) + DAY)
  await lost
  const { files, countsWrong, damaged, index, missing } = await archive.verify()
  assert.deepEqual([files, countsWrong, damaged, index, missing], [0, false, 0, 0, 0], said.join('; '))
})

test('a database that another process has open is not mended before that', async t => {
  const { directory, damage } = await twoDays(t, garble)
  const child = fork(fileURLToPath(new URL('./holding-process.js', import.meta.url)), [directory])
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'message')
  await damage()
  await writeFile(`${directory}.open`, '2\n')
  const before = await readFile(await largest(directory, '.ldb'))
  await assert.rejects(openDatabase(directory), { name: 'DataDirLockedError' })
  assert.deepEqual(await readFile(await largest(directory, '.ldb')), before)
  assert.equal(await readFile(`${directory}.open`, 'latin1'), '2\n')
})

test('a table that LevelDB cannot join with others does not end storing: it is mended, and what is lost is said', async t => {
  const { directory, damage } = await twoDays(t, async (file, row) => {
    // how much of its key an entry shares with the one before it: more than there is
    const bytes = await readFile(file)
    const value = row - 12
    const at = Array.from({ length: 52 }, (_, i) => value - i - 5).find(
      at => bytes[at + 1] === value - at - 4 && bytes[at] === 52 - (value - at - 4)
    ) as number
    await flip(file, at, 0x58)
  })
  const { archive, checked, close } = await openDatabase(directory, { minPause: 20, maxPause: 40 })
  t.after(close)
  assert.equal(await checked, 0)
  await damage()
  const said: string[] = []
  const mended = new Promise<void>(resolve =>
    archive.watch({
      damaged: (_gap, text) => {
        said.push(text)
        resolve()
      }
    })
  )
  const writable = new Promise<void>(resolve => archive.watch({ writable: resolve }))
  await archive.prune(NOON - (NOON % DAY) + DAY)
  const one = envelopeAt(NOON + DAY, TOPICS[0] as Uint8Array, new Uint8Array(9))
  // LevelDB failed to, by its next write at the latest
  await archive.append([one]).catch(() => {})
  await Promise.all([writable, mended])
  await archive.append([one])
  const { raws, damaged } = await walk(archive)
  t.diagnostic(JSON.stringify([raws.length, said]))
  assert.equal(damaged, 0)
  const { gaps } = await archive.coverage({ lower: 0, upper: MAX_UINT32 })
  assert.equal(
    raws.length + gaps.reduce((sum, { kind, count }) => sum + (kind === GapKind.damaged ? count : 0), 0),
    801
  )
})
