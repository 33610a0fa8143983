import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { tempDir } from '../node/temp-dir.js'
import { writeLegacy } from '../transfer/legacy-level.js'
import { recentEnvelopes } from '../transfer/recent.js'
import { runHere } from './in-process.js'
import { ended, newDataDir, startNode } from './processes.js'
import { SmallDisk } from './small-disk.js'

const PEER = '16Uiu2HAmTvN6CWRRTqKrVGDbvVh1wpUWiwdSxDGzVYCGPNFsB6Ro'

function world(t: TestContext) {
  const cwd = tempDir(t)
  const at = (name: string): string => join(cwd, name)
  const mail = (args: string[], input?: Uint8Array) =>
    runHere(args, { WAKU_MAILSERVER_DATA_DIR: at('waku-data') }, input)
  const ok = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await mail(args)
    assert.equal(code, 0, stderr)
    return stdout
  }
  /** What an archive holds, and what its node keeps beside it. */
  const picture = async (dir: string) => {
    const where = ['--data-dir', at(dir)]
    const hashes = (await ok('export', '--form', 'json', '--no-compress', ...where))
      .split('\n')
      .map(line => /"hash":"(0x\w+)"/.exec(line)?.[1])
      .filter(hash => hash !== undefined)
    const lists = await Promise.all([
      ok('trust', 'list', '--json', ...where).then(JSON.parse),
      ok('id', '--json', ...where).then(text => JSON.parse(text).peerId)
    ])
    return { hashes, lists, password: readFileSync(at(`${dir}/password`), 'utf8') }
  }
  return { cwd, at, mail, ok, picture }
}

test('a running node is backed up while envelopes come in, and restored as the same peer with the same archive', async t => {
  const { cwd, at, mail, ok, picture } = world(t)
  const envelopes = recentEnvelopes(6000)
  await writeLegacy(at('first'), envelopes.slice(0, 4000))
  await writeLegacy(at('second'), envelopes.slice(4000))
  const server = await startNode(t, cwd)
  await ok('import', at('first'))
  await ok('trust', 'add', PEER, '--label', 'home')
  mkdirSync(at('backups'))
  const [done] = await Promise.all([
    mail(['backup', '--output', at('backups'), '--json']),
    mail(['import', at('second')])
  ])
  assert.equal(done.code, 0, done.stderr)
  const { summary } = JSON.parse(done.stdout)
  assert.ok(summary.envelopes >= 4000, 'all that was there')
  const [name] = readdirSync(at('backups')) as [string]
  assert.match(name, /^waku-backup-\d{8}T\d{6}Z\.wkm$/)
  assert.equal(statSync(at(`backups/${name}`)).mode & 0o777, 0o600)

  const running = await mail(['restore', at(`backups/${name}`)])
  assert.equal(running.code, 1)
  assert.match(running.stderr, /a node runs on .*waku-data: stop it/)
  await server.stop()
  assert.match((await mail(['restore', at(`backups/${name}`)])).stderr, /is not empty/)

  const kept = new Set((await picture('waku-data')).hashes)
  assert.equal(kept.size, 6000, 'the node served on')
  await ok('backup', '--output', at('whole'))
  await ok('restore', at('whole'), '--data-dir', at('new'))
  assert.deepEqual(await picture('new'), await picture('waku-data'))
  assert.equal(statSync(at('new/identity')).mode & 0o777, 0o600)
  assert.equal(statSync(at('new')).mode & 0o777, 0o700)
  const before = JSON.parse(await ok('stats', '--json'))
  const after = JSON.parse(await ok('stats', '--json', '--data-dir', at('new')))
  assert.equal(after.archive.envelopes, before.archive.envelopes)
  assert.notEqual(after.archive.id, before.archive.id, 'its order of ingest is another one')
  await ok('verify', '--data-dir', at('new'))
  const again = await startNode(t, at('.'), ['--data-dir', at('new')])
  assert.equal(again.peerId, server.peerId)
  await again.stop()
})

test('a backup goes through a pipe; one that was cut or changed, and what is none, is restored to nothing', async t => {
  const { at, mail, ok, picture } = world(t)
  await newDataDir(at('waku-data'))
  writeFileSync(at('waku-data/password'), 'secret\n')
  await writeLegacy(at('old'), recentEnvelopes(500))
  await ok('import', at('old'))
  await ok('backup', '--output', at('backup'))
  await ok('export', '--output', at('export'))
  const bytes = gunzipSync(readFileSync(at('backup')))
  const changed = Uint8Array.from(bytes)
  changed[20_000] = (changed[20_000] as number) ^ 1
  for (const [what, input, reason] of [
    ['cut', bytes.subarray(0, -30), /cut short/],
    ['without its end', bytes.subarray(0, -44), /ends early|cut short/],
    ['changed', changed, /damaged at byte/],
    ['an export', readFileSync(at('export')), /no backup: take it in with "waku-mailserver import"/]
  ] as const) {
    const { code, stderr } = await mail(['restore', '-', '--data-dir', at('new')], input)
    assert.equal(code, 1, what)
    assert.match(stderr, reason, what)
    assert.equal(existsSync(at('new')) || existsSync(at('new.restoring')), false, what)
  }
  const piped = await mail(['restore', '-', '--data-dir', at('new')], bytes)
  assert.equal(piped.code, 0, piped.stderr)
  assert.deepEqual(await picture('new'), await picture('waku-data'))
})

test('a file that is there is replaced by --force alone, and a device or a folder never', async t => {
  const { at, mail, ok } = world(t)
  await newDataDir(at('waku-data'))
  for (const command of ['backup', 'export']) {
    const file = at(`of-${command}`)
    writeFileSync(file, 'of yesterday')
    const refused = await mail([command, '--output', file])
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /of-\w+ is there already: name another file, or replace it with --force/)
    assert.equal(readFileSync(file, 'utf8'), 'of yesterday')
    assert.equal(existsSync(`${file}.partial`), false)
    assert.match(await ok(command, '--output', file, '--force'), /0 envelopes/)
    assert.notEqual(readFileSync(file, 'utf8'), 'of yesterday')
    const device = await mail([command, '--output', '/dev/null', '--force'])
    assert.match(device.stderr, /cannot write \/dev\/null: it is no file; send the output there with --output -/)
    assert.ok(statSync('/dev/null').isCharacterDevice())
  }
  mkdirSync(at('folder'))
  assert.match((await mail(['export', '--output', at('folder'), '--force'])).stderr, /folder: it is a folder/)
})

test('what an archive knew to be missing is known to the restored one, and since when it archives', async t => {
  const { at, ok } = world(t)
  await newDataDir(at('waku-data'))
  await writeLegacy(at('old'), recentEnvelopes(3000))
  await ok('import', at('old'))
  await ok('prune', '--before', '40m')
  const coverage = async (dir: string) => {
    const lines = await ok('export', '--form', 'json', '--no-compress', '--data-dir', at(dir))
    const { since, oldest, gaps } = JSON.parse(lines.split('\n')[0] as string).export.coverage
    return { since, oldest, gaps }
  }
  await ok('backup', '--output', at('backup'))
  await ok('restore', at('backup'), '--data-dir', at('new'))
  assert.deepEqual(await coverage('new'), await coverage('waku-data'))
})

test('on a full disk a backup and an export say so, leave nothing behind, and what was there before stays', async t => {
  if (!SmallDisk.possible) return t.skip('nothing may be mounted here')
  const { cwd, at, ok } = world(t)
  await newDataDir(at('waku-data'))
  await writeLegacy(at('old'), recentEnvelopes(8000, { payload: 1000 }))
  await ok('import', at('old'))
  const disk = await SmallDisk.mount(t, cwd, 4)
  const earlier = join(disk.path, 'backup')
  writeFileSync(earlier, 'of yesterday')
  for (const command of [['backup'], ['export'], ['export', '--form', 'json']]) {
    const run = disk.launch(t, [...command, '--data-dir', at('waku-data'), '--output', 'backup', '--force'])
    const { code, stderr } = await ended(run)
    assert.equal(code, 1, command.join(' '))
    assert.match(stderr, /cannot write .*backup: the disk is full: make room, or name another place/)
    assert.deepEqual(readdirSync(disk.path), ['backup'])
    assert.equal(readFileSync(earlier, 'utf8'), 'of yesterday')
  }
  await ok('verify')
})
