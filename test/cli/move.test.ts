import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { crc32, gunzipSync, gzipSync } from 'node:zlib'
import { sinkOf } from '../../src/cli/archive-link.js'
import { findDataDir } from '../../src/node/data-dir/data-dir.js'
import { openOffline } from '../../src/node/offline.js'
import { runImport } from '../../src/transfer/import.js'
import { LevelSource } from '../../src/transfer/level-source.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { tempDir } from '../node/temp-dir.js'
import { legacyKey, openLegacy, writeLegacy } from '../transfer/legacy-level.js'
import { recentEnvelopes } from '../transfer/recent.js'
import { runHere } from './in-process.js'
import { newDataDir, startNode } from './processes.js'

interface Done {
  code: number
  stdout: string
  stderr: string
  /** Of JSON. */
  lines(): Record<string, unknown>[]
}

interface World {
  cwd: string
  path(name: string): string
  mail(args: string[], input?: Uint8Array): Promise<Done>
  ok(...args: string[]): Promise<Done>
  /** Of an import: its summary. */
  take(...args: string[]): Promise<Record<string, unknown>>
}

async function world(t: TestContext): Promise<World> {
  const cwd = tempDir(t)
  await newDataDir(join(cwd, 'waku-data'))
  const mail: World['mail'] = async (args, input) => {
    const ended = await runHere(args, { WAKU_MAILSERVER_DATA_DIR: join(cwd, 'waku-data') }, input)
    return { ...ended, lines: () => linesOf(ended.stdout) }
  }
  const ok: World['ok'] = async (...args) => {
    const ended = await mail(args)
    assert.equal(ended.code, 0, ended.stderr)
    return ended
  }
  const take: World['take'] = async (...args) =>
    (await ok('import', ...args, '--json')).lines()[0]?.summary as Record<string, unknown>
  return { path: name => join(cwd, name), cwd, mail, ok, take }
}

function linesOf(text: string): Record<string, unknown>[] {
  const lines = text.split('\n').filter(Boolean)
  return lines.map(line => JSON.parse(line))
}

/** The envelopes of an archive as lines of JSON. */
async function hashesIn({ ok }: World, ...args: string[]): Promise<string[]> {
  const lines = (await ok('export', '--form', 'json', '--no-compress', ...args)).lines()
  return lines.filter(line => 'raw' in line).map(({ hash }) => String(hash).slice(2))
}

const hashes = (envelopes: readonly Envelope[]): string[] => envelopes.map(({ hashHex }) => hashHex)

/** What is in a folder, to see that nothing was changed. */
function pictureOf(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .map(name => {
      const path = join(folder, name)
      return `${name} ${statSync(path).mtimeMs} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
    })
}

for (const form of ['status-go', 'go-ethereum'] as const) {
  test(`the LevelDB of a mailserver of ${form} is imported whole, once, and left as it is`, async t => {
    const w = await world(t)
    const envelopes = recentEnvelopes(3000)
    const source = w.path('old')
    await writeLegacy(source, envelopes, form)
    const before = pictureOf(source)
    const first = await w.take(w.path('old'))
    assert.equal(first.source, `${form === 'status-go' ? "status-go's" : "go-ethereum's"} mailserver (LevelDB)`)
    assert.deepEqual([first.envelopes, first.stored, first.known, first.damaged], [3000, 3000, 0, 0])
    const again = await w.take(w.path('old'))
    assert.deepEqual([again.resumed, again.envelopes, again.stored, again.known], [false, 3000, 0, 3000])
    assert.deepEqual(pictureOf(source), before)
    assert.deepEqual(
      readdirSync(w.path('waku-data')).filter(name => name.startsWith('import')),
      [],
      'what it needed meanwhile is gone'
    )
    assert.deepEqual(await hashesIn(w), hashes(envelopes))
  })
}

test('a running node takes an import in, and what it exports meanwhile is the same', async t => {
  const w = await world(t)
  const envelopes = recentEnvelopes(2500)
  await writeLegacy(w.path('old'), envelopes)
  const server = await startNode(t, w.cwd)
  const { stored } = await w.take(w.path('old'))
  assert.equal(stored, 2500)
  assert.deepEqual(await hashesIn(w), hashes(envelopes))
  await server.stop()
  assert.deepEqual(await hashesIn(w), hashes(envelopes))
})

test('a range and topics are imported and exported by themselves', async t => {
  const w = await world(t)
  const envelopes = recentEnvelopes(100)
  await writeLegacy(w.path('old'), envelopes)
  const [from, to] = [envelopes[10], envelopes[59]] as [Envelope, Envelope]
  const some = ['--since', `${from.sent}`, '--until', `${to.sent}`]
  assert.equal((await w.take(w.path('old'), ...some, '--topics', '0x10000000,0x10000001')).stored, 20)
  assert.equal((await w.take(w.path('old'), ...some)).stored, 30)
  assert.deepEqual(await hashesIn(w), hashes(envelopes.slice(10, 60)))
  const wanted = envelopes.slice(20, 60).filter(({ topicNumber }) => topicNumber === 0x10000003)
  const part = await hashesIn(w, '--since', `${envelopes[20]?.sent}`, '--topics', '0x10000003')
  assert.deepEqual(part, hashes(wanted))
})

test('the rules of the archive hold for what is imported, and say what they left out', async t => {
  const w = await world(t)
  const envelopes = recentEnvelopes(100)
  await writeLegacy(w.path('old'), envelopes)
  const floor = Math.floor(Date.now() / 1000) - (envelopes[50] as Envelope).sent
  const { stored, refused } = await w.take(w.path('old'), '--retention', `${floor}s`, '--archive-topics', '0x10000000')
  const left = refused as Record<string, number>
  assert.ok(Math.abs((left.retention ?? 0) - 50) < 30)
  assert.equal(Number(stored) + Number(left.retention) + Number(left.topics), 100)
  assert.ok(Number(left.topics) > 0)
})

for (const form of ['binary', 'json']) {
  test(`an export in ${form} form goes through a file and through a pipe, compressed or not`, async t => {
    const w = await world(t)
    const envelopes = recentEnvelopes(1500)
    await writeLegacy(w.path('old'), envelopes)
    await w.take(w.path('old'))
    await w.ok('export', '--form', form, '--output', w.path('packed'), '--force')
    await w.ok('export', '--form', form, '--output', w.path('plain'), '--no-compress', '--force')
    assert.equal(statSync(w.path('packed')).mode & 0o777, 0o600)
    const plain = readFileSync(w.path('plain'))
    assert.equal(gunzipSync(readFileSync(w.path('packed'))).length, plain.length)
    await newDataDir(w.path('other'))
    const other = ['--data-dir', w.path('other')]
    assert.equal((await w.take(w.path('packed'), ...other)).stored, 1500)
    assert.equal((await w.take(w.path('plain'), ...other)).known, 1500)
    await newDataDir(w.path('third'))
    const piped = await w.mail(['import', '-', '--data-dir', w.path('third')], readFileSync(w.path('packed')))
    assert.equal(piped.code, 0, piped.stderr)
    assert.deepEqual(await hashesIn(w, '--data-dir', w.path('third')), hashes(envelopes))
  })

  test(`an export in ${form} form that was cut or changed is refused, and nothing of it is taken in`, async t => {
    const w = await world(t)
    await writeLegacy(w.path('old'), recentEnvelopes(300))
    await w.take(w.path('old'))
    await w.ok('export', '--form', form, '--output', w.path('plain'), '--no-compress', '--force')
    await newDataDir(w.path('other'))
    const plain = readFileSync(w.path('plain'))
    const changed = Uint8Array.from(plain)
    const at = Math.floor(plain.length / 2)
    changed[at] = changed[at] === 0x30 ? 0x31 : 0x30
    const bad: [string, Uint8Array][] = [
      ['cut', plain.subarray(0, plain.length - 20)],
      ['half', plain.subarray(0, at)],
      ['changed', changed],
      ['cut gzip', gzipSync(plain).subarray(0, -9)],
      ['empty', new Uint8Array(0)]
    ]
    for (const [name, bytes] of bad) {
      writeFileSync(w.path(name), bytes)
      const { code, stderr } = await w.mail(['import', w.path(name), '--data-dir', w.path('other')])
      assert.equal(code, 1, name)
      assert.match(stderr, new RegExp(`/${name}: .*(again|no export)`), name)
    }
    assert.deepEqual(await hashesIn(w, '--data-dir', w.path('other')), [])
  })
}

test('an export of a newer version, and what is none, are refused by name', async t => {
  const w = await world(t)
  writeFileSync(w.path('newer'), '{"export":{"version":9}}\n')
  assert.match(
    (await w.mail(['import', w.path('newer')])).stderr,
    /\/newer: it was written by a newer version .*: update/
  )
  writeFileSync(w.path('text'), 'once upon a time there was a mailserver\n')
  assert.match((await w.mail(['import', w.path('text')])).stderr, /\/text: this is no export/)
  assert.match((await w.mail(['import', w.path('nowhere')])).stderr, /there is no .*nowhere/)
})

test('an import that was interrupted goes on where it stopped, and loses nothing', async t => {
  const w = await world(t)
  const envelopes = recentEnvelopes(15_000)
  const source = w.path('old')
  await writeLegacy(source, envelopes)
  // an entry that is no envelope's is passed over; one that is another's is damaged
  const level = await openLegacy(source)
  await level.put(Uint8Array.of(1, 2, 3), Uint8Array.of(4))
  const [a, b] = [envelopes[14_500], envelopes[14_501]] as [Envelope, Envelope]
  await level.put(legacyKey(a, 'status-go'), b.raw)
  await level.close()
  const dir = await findDataDir(w.path('waku-data'))
  const offline = await openOffline(dir)
  const stop = new AbortController()
  const { signal } = stop
  const old = await LevelSource.open(source, { place: join(dir.path, 'import-0') })
  const half = runImport(
    old,
    sinkOf((command, params) => offline.ask(command, params, { signal }) as never),
    { lower: 0, upper: 0xffffffff, signal, onProgress: ({ envelopes }) => envelopes > 3000 && stop.abort() }
  )
  await assert.rejects(half, { name: 'AbortError' })
  await Promise.all([old.close(), offline.close()])
  const [stats] = (await w.ok('stats', '--json')).lines() as [{ archive: { envelopes: number } }]
  const { envelopes: kept } = stats.archive
  assert.ok(kept > 3000 && kept < 14_000, `${kept}`)
  const rest = await w.take(source)
  assert.equal(rest.resumed, true)
  assert.equal(Number(rest.envelopes), 15_000 - kept)
  assert.deepEqual([rest.known, rest.damaged, rest.skipped], [0, 1, 0])
  assert.deepEqual(await hashesIn(w), hashes(envelopes.filter(envelope => envelope !== a)))
  assert.equal((await w.take(source)).resumed, false, 'what was noted of it is gone')
})

test('a courier file is taken from whom it names, if trusted, and from nobody else', async t => {
  const w = await world(t)
  const envelopes = recentEnvelopes(400)
  await writeLegacy(w.path('old'), envelopes)
  await w.take(w.path('old'))
  await w.ok('export', '--courier', '--output', w.path('courier'))
  await newDataDir(w.path('other'))
  const other = ['--data-dir', w.path('other')]
  const [{ peerId }] = (await w.ok('id', '--json')).lines() as [{ peerId: string }]
  const stranger = await w.mail(['import', w.path('courier'), ...other])
  assert.equal(stranger.code, 1)
  assert.match(stranger.stderr, new RegExp(`made by ${peerId}, who is not trusted: add --trust`))
  // every byte that is not the compressed form's own is signed: another key, coverage or envelope is found out
  const plain = gunzipSync(readFileSync(w.path('courier')))
  for (const [name, bytes, reason] of [
    ['unsigned', plain.subarray(0, -74), /lacks its signature/],
    ['cut', plain.subarray(0, -1), /cut short/],
    ['resigned', withCrc(plain, plain.length - 40), /not signed by whom it names/],
    ['other coverage', withCrc(plain, 83), /not signed by whom it names/]
  ] as const) {
    writeFileSync(w.path(name), bytes)
    const { code, stderr } = await w.mail(['import', w.path(name), '--trust', ...other])
    assert.equal(code, 1, name)
    assert.match(stderr, reason, name)
  }
  const piped = await w.mail(['import', '-', '--trust', ...other], plain)
  assert.match(piped.stderr, /save it, and name the file/)
  assert.deepEqual(await hashesIn(w, ...other), [])
  await w.ok('trust', 'add', peerId, ...other)
  const taken = await w.ok('import', w.path('courier'), ...other)
  assert.match(taken.stdout, new RegExp(`400 new.*\nsigned by ${peerId} at .*, who archives since`))
  assert.deepEqual(await hashesIn(w, ...other), hashes(envelopes))
})

/** Another byte in a frame, and the checksum of the frame mended, as somebody would who does it on purpose. */
function withCrc(file: Uint8Array, at: number): Uint8Array {
  const bytes = Buffer.from(file)
  bytes[at] = (bytes[at] as number) ^ 1
  for (let start = 8; start < bytes.length; ) {
    const end = start + 5 + bytes.readUInt32BE(start + 1)
    bytes.writeUInt32BE(crc32(bytes.subarray(start, end)), end)
    start = end + 4
  }
  return bytes
}

test('databases of other programs, damaged ones and those in use are refused with a remedy, and stay as they are', async t => {
  const w = await world(t)
  const refused = async (name: string, reason: RegExp): Promise<void> => {
    const before = pictureOf(w.path(name))
    const { code, stderr } = await w.mail(['import', w.path(name)])
    assert.equal(code, 1, name)
    assert.match(stderr, reason, name)
    assert.deepEqual(pictureOf(w.path(name)), before, name)
  }
  const foreign = await openLegacy(w.path('foreign'))
  await foreign.put(new TextEncoder().encode('block 7'), Uint8Array.of(1))
  await foreign.close()
  await refused('foreign', /something else/)
  mkdirSync(w.path('nothing'))
  await refused('nothing', /no LevelDB database; name the folder that holds the file CURRENT/)
  mkdirSync(w.path('rocks'))
  writeFileSync(w.path('rocks/OPTIONS-000007'), '')
  writeFileSync(w.path('rocks/CURRENT'), 'MANIFEST-000005\n')
  await refused('rocks', /RocksDB or Pebble/)
  const own = await w.mail(['import', w.path('waku-data')])
  assert.match(own.stderr, /data dir of waku-mailserver: run "waku-mailserver export"/)

  const envelopes = recentEnvelopes(4000)
  await writeLegacy(w.path('old'), envelopes)
  await compact(w.path('old'))
  if (process.platform === 'linux') {
    const holder = await openLegacy(w.path('old'))
    const used = await w.mail(['import', w.path('old')])
    assert.match(used.stderr, new RegExp(`process ${process.pid} has .* open: stop that mailserver first`))
    await holder.close()
  }
  const manifest = readdirSync(w.path('old')).find(name => name.startsWith('MANIFEST')) as string
  writeFileSync(w.path(`old/${manifest}`), 'no manifest')
  await refused('old', /does not open: .*--salvage/)
  const { stored } = await w.take(w.path('old'), '--salvage')
  assert.equal(stored, 4000)
  assert.deepEqual(await hashesIn(w), hashes(envelopes))
})

test('of a database with a damaged block the rest is imported, and the command says that it is not all', async t => {
  const w = await world(t)
  const envelopes = recentEnvelopes(4000, { payload: 30 })
  await writeLegacy(w.path('old'), envelopes)
  await compact(w.path('old'))
  const table = readdirSync(w.path('old')).find(name => name.endsWith('.ldb')) as string
  const bytes = readFileSync(w.path(`old/${table}`))
  bytes.fill(0xff, 40_000, 40_200)
  writeFileSync(w.path(`old/${table}`), bytes)
  const { code, stdout, stderr } = await w.mail(['import', w.path('old'), '--json'])
  assert.equal(code, 1)
  assert.match(stderr, /part of the database is damaged and was left out; the rest is imported/)
  const [{ summary }] = linesOf(stdout) as [{ summary: Record<string, number> }]
  const { stored, damaged } = summary
  const kept = await hashesIn(w)
  assert.equal(kept.length, stored)
  assert.ok(kept.length > 3000 && kept.length < 4000, `${stored} stored, ${damaged} damaged`)
  const own = new Set(hashes(envelopes))
  assert.ok(kept.every(hash => own.has(hash)))
})

test('of a database with a damaged log the rest is imported, and the command says that it is not all', async t => {
  const w = await world(t)
  const envelopes = recentEnvelopes(2000, { payload: 30 })
  const level = await openLegacy(w.path('old'))
  for (const envelope of envelopes) await level.put(legacyKey(envelope, 'status-go'), envelope.raw)
  await level.close()
  const log = w.path(`old/${readdirSync(w.path('old')).find(name => name.endsWith('.log'))}`)
  const bytes = readFileSync(log)
  bytes.subarray(100_000, 140_000).forEach((byte, i, part) => {
    part[i] = byte ^ 0x55
  })
  writeFileSync(log, bytes)
  const { code, stderr } = await w.mail(['import', w.path('old'), '--json'])
  assert.equal(code, 1)
  assert.match(stderr, /part of the database is damaged and was left out; the rest is imported/)
  const kept = await hashesIn(w)
  assert.ok(kept.length > 1000 && kept.length < 2000, `${kept.length}`)
})

/** Moves what is in the log into tables. */
async function compact(folder: string): Promise<void> {
  const level = await openLegacy(folder)
  await level.compactRange(new Uint8Array(0), new Uint8Array(40).fill(0xff))
  await level.close()
}
