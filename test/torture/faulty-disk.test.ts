import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Recording, snapshotOf } from '../../scripts/torture/cuts/recording.js'
import { FaultPage } from '../../scripts/torture/fault-page.js'
import { buildFaultyDisk, NoFaultyDiskError } from '../../scripts/torture/faulty-disk.js'
import { type Journal, readJournal } from '../../scripts/torture/journal.js'
import { cutPower } from '../../scripts/torture/power-cut.js'
import { openDatabase } from '../../src/archive/database/database.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { readPage } from '../archive/comparison.js'
import { Prng } from '../archive/prng.js'
import { tempDir } from '../node/temp-dir.js'

const ENVELOPES = new URL('../helpers/envelopes.js', import.meta.url).href
/** Where `room` is in the page. */
const ROOM_FIELD = 4
const DATABASE = new URL('../../src/archive/database/database.js', import.meta.url).href

interface Ran {
  base: string
  folder: string
  journal: string
  recording: () => Recording
  stdout: string
  signal: NodeJS.Signals | null
  page: FaultPage
}

/** Runs a program on a faulty disk; undefined, and said, where none can be made. */
function run(t: TestContext, program: string, set: (page: FaultPage) => void = () => {}): Ran | undefined {
  const base = tempDir(t)
  let library: string
  try {
    library = buildFaultyDisk(base)
  } catch (err) {
    if ((err as Error).name !== NoFaultyDiskError.name) throw err
    t.diagnostic((err as Error).message)
    return undefined
  }
  const folder = join(base, 'disk')
  mkdirSync(folder)
  mkdirSync(join(base, 'graves'))
  writeFileSync(join(folder, 'old'), 'was there')
  const before = snapshotOf(folder)
  const page = new FaultPage(join(base, 'page'))
  t.after(() => page.close())
  set(page)
  const script = `import fs from 'node:fs'; const disk = ${JSON.stringify(folder)}; ${program}`
  const { stdout, stderr, signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    timeout: 30_000,
    env: {
      ...process.env,
      LD_PRELOAD: library,
      FAULTY_PAGE: page.path,
      FAULTY_ROOT: folder,
      FAULTY_JOURNAL: join(base, 'journal'),
      FAULTY_GRAVES: join(base, 'graves'),
      FAULTY_TAPE: join(base, 'tape')
    }
  })
  assert.ok(page.get('loaded') > 0, stderr)
  const journal = existsSync(join(base, 'journal')) ? readFileSync(join(base, 'journal'), 'utf8') : ''
  const recording = (): Recording => new Recording(before, journal, readFileSync(join(base, 'tape')))
  return { base, folder, journal, recording, stdout, signal, page }
}

/** One whose first number keeps nothing of what no sync covered. */
function merciless(): Prng {
  for (let seed = 1; ; seed++) if (new Prng(seed).chance(0.5)) return new Prng(seed)
}

test('a power cut leaves what was synced, under the names that were synced', t => {
  const ran = run(
    t,
    `const file = fs.openSync(disk + '/a', 'w'); fs.writeSync(file, 'synced'); fs.fsyncSync(file); fs.writeSync(file, ' and not')
     fs.writeFileSync(disk + '/b', 'never synced')
     const folder = fs.openSync(disk, 'r'); fs.fsyncSync(folder)
     fs.renameSync(disk + '/b', disk + '/c'); fs.unlinkSync(disk + '/a'); process.kill(process.pid, 'SIGKILL')`
  )
  if (ran === undefined) return
  assert.deepEqual(readdirSync(ran.folder), ['c', 'old'])
  cutPower(ran.folder, ran.journal, merciless())
  assert.deepEqual(readdirSync(ran.folder).sort(), ['a', 'b', 'old'])
  assert.equal(readFileSync(join(ran.folder, 'a'), 'utf8'), 'synced')
  assert.equal(readFileSync(join(ran.folder, 'b'), 'utf8'), '')
})

/** Every file, with what is in it. */
const contents = (folder: string): Record<string, string> =>
  Object.fromEntries(readdirSync(folder).map(name => [name, readFileSync(join(folder, name), 'latin1')]))

test('a recorded run can be made again as it was after each of its steps, and its power be cut there', t => {
  const ran = run(
    t,
    `const file = fs.openSync(disk + '/a', 'w'); fs.writeSync(file, 'one'); fs.fsyncSync(file); fs.writeSync(file, ' two')
     fs.writeSync(file, 'O', 0); fs.ftruncateSync(file, 6); fs.writeSync(file, 'r', 6); fs.renameSync(disk + '/old', disk + '/a2')
     fs.appendFileSync(disk + '/a2', ' before'); fs.renameSync(disk + '/a', disk + '/a2')
     fs.writeFileSync(disk + '/a2', 'new'); fs.unlinkSync(disk + '/a2')`
  )
  if (ran === undefined) return
  const recording = ran.recording()
  const steps = [0, ...recording.positions].map(position => {
    const place = join(ran.base, `at-${position}`)
    mkdirSync(place)
    return recording.restore(position, place)
  })
  assert.deepEqual(
    [...new Set(steps.map(({ folder }) => JSON.stringify(contents(folder))))].map(text => JSON.parse(text)),
    [
      { old: 'was there' },
      { a: '', old: 'was there' },
      { a: 'one', old: 'was there' },
      { a: 'one two', old: 'was there' },
      { a: 'One two', old: 'was there' },
      { a: 'One tw', old: 'was there' },
      { a: 'One twr', old: 'was there' },
      { a: 'One twr', a2: 'was there' },
      { a: 'One twr', a2: 'was there before' },
      { a2: 'One twr' },
      { a2: '' },
      { a2: 'new' },
      {}
    ]
  )
  for (const { folder, journal } of steps) cutPower(folder, journal, merciless())
  // names go back to what a sync of the folder covered, which there was none of; what a truncation took is gone
  assert.deepEqual(contents(steps[0]?.folder ?? ''), { old: 'was there' })
  assert.deepEqual(contents(steps.at(-1)?.folder ?? ''), { a: '', old: 'was there' })
  const synced = steps.find(({ journal }) => journal.endsWith('\t3\n') && journal.includes('\nS\t'))
  assert.deepEqual(contents(synced?.folder ?? ''), { a: 'one', old: 'was there' })
})

test('the process dies at an operation, the last write partly done', t => {
  const program = `fs.writeFileSync(disk + '/a', 'x'.repeat(1000)); console.log('too late')`
  const ran = run(t, program, page => {
    page.set('dieAt', 2)
    page.set('diePart', 300)
  })
  if (ran === undefined) return
  assert.equal(ran.signal, 'SIGKILL')
  assert.equal(ran.stdout, '')
  assert.equal(readFileSync(join(ran.folder, 'a')).length, 300)
})

test('a full disk takes what fits and says ENOSPC, and a bad one fails to read with EIO', t => {
  const program = `
    try { fs.writeFileSync(disk + '/a', 'x'.repeat(1000)) } catch (err) { console.log(err.code) }
    try { fs.readFileSync(disk + '/a') } catch (err) { console.log(err.code) }`
  const ran = run(t, program, page => {
    page.set('room', 400)
    page.set('readError', 5)
  })
  if (ran === undefined) return
  assert.equal(ran.stdout, 'ENOSPC\nEIO\n')
  assert.equal(readFileSync(join(ran.folder, 'a')).length, 400)
  assert.ok(ran.page.get('hits') >= 3)
})

test('Node reads the clock that was shifted', t => {
  const before = Date.now()
  const ran = run(t, 'console.log(Date.now())', page => page.set('clockShift', -86_400))
  if (ran === undefined) return
  const back = (before - Number(ran.stdout)) / 1000
  assert.ok(back > 86_300 && back <= 86_400, `${back} s back`)
})

test('a new database and the name of its manifest are on disk once it is open', t => {
  const ran = run(
    t,
    `const { openDatabase } = await import(${JSON.stringify(DATABASE)}); await openDatabase(disk + '/database')
     process.kill(process.pid, 'SIGKILL')`
  )
  if (ran === undefined) return
  const { pending }: Journal = readJournal(ran.journal)
  assert.match(ran.journal, /^R\t.*CURRENT\t/m)
  assert.deepEqual(
    pending.filter(({ kind }) => kind === 'renamed' || kind === 'folder'),
    []
  )
})

test('what is stored after a write failed is there when the database is opened again, or was never said to be stored', async t => {
  const ran = run(
    t,
    `const { openDatabase } = await import(${JSON.stringify(DATABASE)})
     const { newEnvelope } = await import(${JSON.stringify(ENVELOPES)})
     const { archive } = await openDatabase(disk + '/database')
     const page = fs.openSync(process.env.FAULTY_PAGE, 'r+')
     const room = bytes => fs.writeSync(page, new BigInt64Array([BigInt(bytes)]), 0, 8, ${8 * ROOM_FIELD})
     const stored = []
     const append = async count => {
       const envelopes = Array.from({ length: count }, () => newEnvelope())
       await archive.append(envelopes).then(() => stored.push(...envelopes.map(({ hashHex }) => hashHex)), () => {})
     }
     await append(3); room(5000); await append(100); room(-1); await append(3)
     fs.writeSync(1, JSON.stringify(stored)); process.kill(process.pid, 'SIGKILL')`
  )
  if (ran === undefined) return
  assert.ok(ran.page.get('hits') > 0)
  const stored: string[] = JSON.parse(ran.stdout)
  assert.ok(stored.length >= 3)
  const database = await openDatabase(join(ran.folder, 'database'))
  t.after(() => database.close())
  const { rows } = await readPage(database.archive, { lower: 0, upper: MAX_UINT32, limit: 1000 })
  const kept = new Set(rows.map(({ hash }) => toHex(hash)))
  assert.deepEqual(
    stored.filter(hash => !kept.has(hash)),
    []
  )
})
