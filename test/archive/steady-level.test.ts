import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import { LEVEL_OPTIONS, openDatabase } from '../../src/archive/database/database.js'
import { DiskReserve } from '../../src/archive/database/disk-reserve.js'
import { DatabaseFiles } from '../../src/archive/database/files/database-files.js'
import { SteadyLevel } from '../../src/archive/database/steady-level.js'
import { emptyReport } from '../../src/archive/empty-report.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import { GapKind } from '../../src/wire/request/coverage.js'
import { readPage } from './comparison.js'
import { temporaryDirectory } from './temporary.js'
import { envelopeAt } from './traffic.js'

await useQuickKeccak()

const ALL = { lower: 0, upper: MAX_UINT32, limit: 1000 }
const NOON = 1_600_041_600
const ENVELOPES = Array.from({ length: 60 }, (_, i) =>
  envelopeAt(NOON + i, Uint8Array.of(1, 2, 3, i & 3), new Uint8Array(40))
)

/** A LevelDB whose disk fails when it is told to; real otherwise. */
class FailingLevel extends ClassicLevel<Uint8Array, Uint8Array> {
  static failing = false
  static opened = 0

  constructor(path: string) {
    super(path, LEVEL_OPTIONS)
    FailingLevel.opened++
  }

  override batch(...args: unknown[]) {
    const batch = (super.batch as (...args: unknown[]) => unknown)(...args) as ReturnType<
      ClassicLevel<Uint8Array, Uint8Array>['batch']
    >
    if (FailingLevel.failing)
      Object.assign(batch, {
        write: async () => {
          await (batch as unknown as { close(): Promise<void> }).close()
          throw Object.assign(new Error('IO error: No space left on device'), { code: 'LEVEL_IO_ERROR' })
        }
      })
    return batch as never
  }
}

async function opened(t: TestContext, at?: string, failing = false) {
  const path = at ?? join(await temporaryDirectory(t), 'db')
  FailingLevel.failing = failing
  FailingLevel.opened = 0
  const reserve = new DiskReserve(`${path}.reserve`)
  const open = async () => {
    const level = new FailingLevel(path)
    await level.open()
    return level as ClassicLevel<Uint8Array, Uint8Array>
  }
  const level = await SteadyLevel.open({
    path,
    reserve,
    open,
    salvage: async () => {},
    isFree: async () => true,
    minPause: 20,
    maxPause: 40
  })
  if (failing) t.mock.method(reserve, 'grow', async () => false)
  const archive = await LevelArchive.open({ db: level })
  level.onWritable = () => void archive.tellWritable()
  await level.settle()
  t.after(async () => {
    await archive.close()
    await level.close()
  })
  const writable = new EventTarget()
  archive.watch({ writable: () => writable.dispatchEvent(new Event('writable')) })
  const signal = AbortSignal.timeout(20_000)
  return { path, reserve, level, archive, writable: () => once(writable, 'writable', { signal }) }
}

test('after a failed write it is opened again, while others read, and what was refused can be stored', async t => {
  const { archive, writable, path } = await opened(t)
  await archive.append(ENVELOPES.slice(0, 20))
  FailingLevel.failing = true
  await assert.rejects(archive.append(ENVELOPES.slice(20, 40)), { name: 'ArchiveError' })
  FailingLevel.failing = false
  await assert.rejects(archive.append(ENVELOPES.slice(20, 40)), { name: 'ArchiveError' }, 'not into a torn log')
  let reading = true
  let pages = 0
  const readers = Array.from({ length: 8 }, async () => {
    for (; reading; pages++) assert.equal((await readPage(archive, ALL)).rows.length, 20)
  })
  await writable()
  reading = false
  await Promise.all(readers)
  assert.ok(pages >= 8)
  assert.equal(FailingLevel.opened, 2)
  assert.equal((await archive.append(ENVELOPES)).filter(outcome => outcome === 'stored').length, 40)
  assert.equal((await readPage(archive, ALL)).rows.length, 60)
  assert.equal((await archive.stats()).envelopes, 60)
  await archive.addGap({ from: 1, until: 2, kind: GapKind.unstored, count: 0 })
  assert.ok((await stat(`${path}.reserve`)).size >= 4 * 2 ** 20, 'the reserve is there again')
})

test('a folder in place of the reserve is told, and storing goes on after a failed write', async t => {
  const path = join(await temporaryDirectory(t), 'db')
  await mkdir(`${path}.reserve`)
  const { archive, writable } = await opened(t, path)
  await archive.append(ENVELOPES.slice(0, 20))
  FailingLevel.failing = true
  await assert.rejects(archive.append(ENVELOPES.slice(20, 40)), { name: 'ArchiveError' })
  FailingLevel.failing = false
  const alive = setInterval(() => {}, 1000) // attempts keep no process
  t.after(() => clearInterval(alive))
  await writable()
  assert.equal((await archive.append(ENVELOPES)).filter(outcome => outcome === 'stored').length, 40)
  await archive.close()
  const directory = join(await temporaryDirectory(t), 'db')
  await mkdir(`${directory}.reserve`)
  const database = await openDatabase(directory)
  t.after(database.close)
  const said: string[] = []
  database.archive.watch({ damaged: (_gap, text) => said.push(text) })
  assert.match(
    said.join(),
    /^nothing is kept back for a full disk: .*db\.reserve is a folder; remove it, and start again$/
  )
})

test('an error of a full disk says how much has to be freed', async t => {
  const { archive, level, reserve } = await opened(t)
  t.mock.method(reserve, 'lacks', async (bytes: number) => bytes - reserve.size)
  FailingLevel.failing = true
  const text = /No space left on device: 8 MiB have to be freed/
  await assert.rejects(archive.append(ENVELOPES), { name: 'ArchiveError', message: text })
  assert.match(level.trouble?.message ?? '', text)
  FailingLevel.failing = false
})

test('a prune gets the reserve, an append does not', async t => {
  const { archive, level, reserve } = await opened(t)
  await archive.append(ENVELOPES)
  // as on a disk that is full: what is taken back cannot be had again
  t.mock.method(reserve, 'grow', async () => false)
  t.mock.getter(reserve, 'size', () => 64 * 2 ** 20)
  FailingLevel.failing = true
  await assert.rejects(archive.append([envelopeAt(NOON, Uint8Array.of(1, 2, 3, 9), new Uint8Array(3))]))
  FailingLevel.failing = false
  assert.equal(await archive.prune(NOON + 30), 30)
  assert.ok(level.trouble !== undefined)
  await assert.rejects(archive.append(ENVELOPES.slice(0, 1)), { name: 'ArchiveError' })
  assert.equal((await readPage(archive, ALL)).rows.length, 30)
})

test('a repair for which the disk has no room keeps nobody from reading, and is done when there is room', async t => {
  const path = join(await temporaryDirectory(t), 'db')
  const first = await openDatabase(path, { check: false })
  await first.archive.append(ENVELOPES)
  await first.close()
  await (await openDatabase(path, { check: false })).close() // has its counts written
  const spoiled = new ClassicLevel<Uint8Array, Uint8Array>(path, LEVEL_OPTIONS)
  const [, ...rest] = ENVELOPES
  const newest = Math.max(...rest.map(({ sent }) => sent))
  await spoiled.del(layout.runAgeKey(newest, ENVELOPES.length))
  await spoiled.put(layout.metaKey('repairing'), layout.uint32(1))
  await spoiled.close()

  const { archive, reserve, writable } = await opened(t, path, true)
  const said: string[] = []
  archive.watch({ damaged: (_gap, text) => said.push(text) })
  assert.equal(said.length, 1)
  assert.match(said[0] as string, /no room for its repair .*No space left.*what is left can be read/)
  assert.equal((await readPage(archive, ALL)).rows.length, 60)
  await assert.rejects(archive.append(ENVELOPES), { name: 'ArchiveError' })
  await assert.rejects(archive.repair(), { name: 'ArchiveError' })

  const alive = setInterval(() => {}, 1000) // nothing else keeps this process
  t.after(() => clearInterval(alive))
  const stored = writable()
  FailingLevel.failing = false
  t.mock.method(reserve, 'grow', async () => true)
  await stored
  assert.deepEqual(new Set(await archive.append(ENVELOPES)), new Set(['known']))
  assert.deepEqual(await archive.verify(), { ...emptyReport(), envelopes: 60 })
})

test('the newest tables are looked at before it is opened, more after an end at which it was not closed, all after two', async t => {
  const path = join(await temporaryDirectory(t), 'db')
  const looks = t.mock.method(DatabaseFiles.prototype, 'checkTables')
  for (const [ends, newest] of [
    ['', 32 << 20],
    ['1\n', 64 << 20],
    ['2\n', undefined],
    ['', 32 << 20]
  ] as const) {
    if (ends !== '') await writeFile(`${path}.open`, ends)
    looks.mock.resetCalls()
    const { archive, close } = await openDatabase(path, { check: false })
    assert.deepEqual(looks.mock.calls[0]?.arguments, [{ newest }])
    await archive.append(ENVELOPES)
    await close()
  }
})
