import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import { Key } from 'interface-datastore'
import { LEVEL_OPTIONS, openDatabase } from '../../src/archive/database/database.js'
import type { LevelStore } from '../../src/archive/database/level-store.js'
import { emptyReport } from '../../src/archive/empty-report.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { metaKey } from '../../src/archive/level/level-layout.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { GapKind } from '../../src/wire/request/coverage.js'
import { readPage } from './comparison.js'
import { temporaryDirectory, temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

const ALL = { lower: 0, upper: MAX_UINT32, limit: 100 }
const envelope = envelopeAt(1_600_000_000, Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5))

test('one database serves the archive and the records of the node side by side, and again after a restart', async t => {
  const directory = await temporaryDirectory(t)
  const first = await openDatabase(directory)
  await first.datastore.put(new Key('/trust/peer'), Uint8Array.of(1))
  await first.archive.append([envelope])
  const id = toHex(first.archive.id)
  await first.close()

  const { archive, datastore, close } = await openDatabase(directory)
  t.after(close)
  assert.equal(toHex(archive.id), id)
  assert.equal((await readPage(archive, ALL)).rows.length, 1)
  const records = []
  for await (const { key } of datastore.query({})) records.push(key.toString())
  assert.deepEqual(records, ['/trust/peer'])
  await archive.prune(2 ** 32)
  assert.deepEqual(Array.from(await datastore.get(new Key('/trust/peer'))), [1])
})

test('a second opener of a data directory gets a typed error, and the first goes on', async t => {
  const directory = await temporaryDirectory(t)
  const { archive, close } = await openDatabase(directory)
  t.after(close)
  await assert.rejects(openDatabase(directory), { name: 'DataDirLockedError' })
  assert.deepEqual(await archive.append([envelope]), ['stored'])
})

test('an archive of a format that is not known is refused and left as it is', async t => {
  const directory = await temporaryDirectory(t)
  await (await openDatabase(directory)).close()
  const write = async (key: Uint8Array, value: Uint8Array): Promise<void> => {
    const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
    await level.put(key, value)
    await level.close()
  }
  await write(metaKey('format'), Uint8Array.of(0, 0, 0, 6))
  await assert.rejects(openDatabase(directory), { name: 'ArchiveFormatError', message: /format 6/ })
  // The refusals left nothing locked.
  await write(metaKey('format'), Uint8Array.of(0, 0, 0, 1))
  await (await openDatabase(directory)).close()
})

test('an archive whose own records went with a damaged part begins with others, and has all its envelopes', async t => {
  const directory = await temporaryDirectory(t)
  const list = Array.from({ length: 30 }, (_, i) =>
    envelopeAt(1_600_000_000 + i, Uint8Array.of(1, 2, 3, i % 4), Uint8Array.of(i))
  )
  const first = await openDatabase(directory)
  await first.archive.append(list)
  await first.close()
  for (const lost of [['format'], ['id'], ['format', 'id', 'totals', 'blocks', 'coverage', 'clean']]) {
    const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
    for (const name of lost) await level.del(metaKey(name))
    await level.close()
    const { archive, close } = await openDatabase(directory)
    assert.notDeepEqual(archive.id, first.archive.id, 'nobody goes on by numbers that it may give out again')
    assert.deepEqual(
      await archive.append(list),
      list.map(() => 'known')
    )
    const { gaps, ...report } = await archive.verify()
    assert.deepEqual({ ...report, gaps: [] }, { ...emptyReport(), envelopes: 30 })
    // with the record of what it lacks nobody knows any more whether this is all
    const known = await archive.coverage({ lower: 0, upper: MAX_UINT32 })
    assert.deepEqual(known.gaps, gaps)
    assert.deepEqual(
      gaps.map(({ from, kind, count }) => ({ from, kind, count })),
      lost.includes('coverage') ? [{ from: 0, kind: GapKind.damaged, count: 0 }] : []
    )
    await close()
  }
})

test('something else where the archive belongs is not overwritten', async t => {
  const directory = await temporaryDirectory(t)
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  await level.put(metaKey('something'), Uint8Array.of(1))
  await level.close()
  await assert.rejects(openDatabase(directory), { name: 'ArchiveFormatError' })
})

test('an archive of an earlier version is taken over on a full disk, too, with what was kept back', async t => {
  const db = await temporaryLevel(t)
  const before = await LevelArchive.open({ db })
  await before.append([envelope])
  await before.close()
  await db.batch([{ type: 'put', key: metaKey('format'), value: Uint8Array.of(0, 0, 0, 4) }], { sync: true })
  let hasRoom = false
  const full: LevelStore = {
    trouble: new Error('no space left on device'),
    async batch(operations, options) {
      if (!hasRoom) throw this.trouble
      return db.batch(operations, options)
    },
    getMany: keys => db.getMany(keys),
    iterator: options => db.iterator(options),
    compactRange: (start, end) => db.compactRange(start, end),
    async makeRoom() {
      hasRoom = true
      return true
    },
    async roomMade() {
      hasRoom = false
    }
  }
  const archive = await LevelArchive.open({ db: full })
  assert.equal((await readPage(archive, ALL)).rows.length, 1)
  await archive.close()
})
