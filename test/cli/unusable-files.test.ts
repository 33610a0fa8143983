import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDatabase } from '../../src/archive/database/database.js'
import { tempDir } from '../node/temp-dir.js'
import { ended, newDataDir, run } from './processes.js'
import { SmallDisk } from './small-disk.js'

const PEER = '/ip4/127.0.0.1/tcp/1/p2p/16Uiu2HAmTvN6CWRRTqKrVGDbvVh1wpUWiwdSxDGzVYCGPNFsB6Ro'
const NOBODY = 65_534
const LISTEN = ['--listen', '/ip4/127.0.0.1/tcp/0', '--no-devp2p']
const isRoot = process.getuid?.() === 0

/** Root may read and write everything; without these capabilities it is a user like any other. */
const BOUND = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search,-fowner', '--']

/** What starts a program so that it is bound by permissions; undefined, and said, where nothing does. */
function bound(t: TestContext): readonly string[] | undefined {
  if (process.platform === 'win32') {
    t.diagnostic('no file modes here')
    return undefined
  }
  if (!isRoot) return []
  const [program = '', ...args] = BOUND
  if (spawnSync(program, [...args, 'true']).status === 0) return BOUND
  t.diagnostic('root, and no setpriv to give up its powers with')
  return undefined
}

/** Runs a command that has to fail at once, with one line. */
async function refusal(
  t: TestContext,
  args: string[],
  options: { cwd: string; through?: readonly string[] }
): Promise<string> {
  const { code, stderr, stdout } = await run(t, args, options)
  assert.equal(code, 1, `${args.join(' ')}: ${stderr}`)
  assert.equal(stdout, '')
  assert.equal(stderr.trim().split('\n').length, 1, stderr)
  return stderr
}

test('a data dir where no folder can be made is refused at once', async t => {
  const cwd = tempDir(t)
  if (process.platform === 'linux') {
    for (const dir of ['/proc/x', '/proc/x/y/z']) {
      const said = await refusal(t, ['start', '--data-dir', dir, ...LISTEN], { cwd })
      assert.match(said, /cannot use the data dir \/proc\/x\S*: no folder can be made there \(ENOENT\)/)
    }
  }
  writeFileSync(join(cwd, 'file'), '')
  const said = await refusal(t, ['start', '--data-dir', 'file/below', ...LISTEN], { cwd })
  assert.match(said, /cannot use the data dir .*below: there is a file of that name in the way/)
})

test('a data dir that may not be written, and files that may not be read, are named', async t => {
  const through = bound(t)
  if (through === undefined) return
  const cwd = tempDir(t)
  const tryOut = (args: string[]) => refusal(t, args, { cwd, through })
  const start = ['start', '--data-dir', 'data', ...LISTEN]
  const data = join(cwd, 'data')

  mkdirSync(data, { mode: 0o500 })
  assert.match(await tryOut(start), /cannot write .*data\/identity: this user has no permission \(EACCES\)/)
  chmodSync(data, 0o700)
  await newDataDir(data)
  chmodSync(data, 0o500)
  assert.match(await tryOut(start), /cannot write .*data\/database: this user has no permission/)
  for (const args of [
    ['stats'],
    ['verify'],
    ['prune', '--before', '1d'],
    ['trust', 'list'],
    ['keys', 'list'],
    ['backfill', '--server', PEER, '--since', '1d', '--password', 'x', '--trust']
  ]) {
    const { code, stderr } = await run(t, [...args, '--data-dir', 'data'], { cwd, through })
    assert.equal(code, 1, stderr)
    assert.match(stderr, /cannot write .*data\/database: this user has no permission/, args.join(' '))
  }
  const request = ['request', '--data-dir', 'data', '--server', PEER, '--password-file', 'secret', '--trust']
  writeFileSync(join(cwd, 'secret'), 'x', { mode: 0o000 })
  assert.match(await tryOut(request), /cannot read secret: this user has no permission/)
  chmodSync(join(cwd, 'secret'), 0o600)
  assert.match(await tryOut(request), /cannot write .*data\/database: this user has no permission/)

  chmodSync(data, 0o000)
  for (const args of [start, ['stats', '--data-dir', 'data']])
    assert.match(await tryOut(args), /data.*: this user has no permission/)
  chmodSync(data, 0o700)
  chmodSync(join(data, 'identity'), 0o000)
  assert.match(
    await tryOut(start),
    /cannot read .*data\/identity: this user has no permission \(EACCES\); run this as the user whose data dir it is, or give/
  )
  chmodSync(join(data, 'identity'), 0o600)
  writeFileSync(join(data, 'password'), 'secret', { mode: 0o000 })
  assert.match(await tryOut(start), /cannot read .*data\/password: this user has no permission/)
})

test('on a file system that is mounted for reading only, a start and a command say what to do', async t => {
  if (!SmallDisk.possible) return t.skip('nothing may be mounted here')
  const cwd = tempDir(t)
  const disk = await SmallDisk.mount(t, cwd, 32)
  await newDataDir(join(disk.path, 'waku-data'))
  assert.equal((await ended(disk.launch(t, ['stats']))).code, 0)
  disk.forbidWrites()
  for (const args of [['start', ...LISTEN], ['stats']]) {
    const { code, stderr } = await ended(disk.launch(t, args))
    assert.equal(code, 1, stderr)
    assert.match(stderr, /waku-mailserver: .*waku-data.*read-only.*; mount it/i, args.join(' '))
  }
})

test('a database of another user is not taken for a damaged one: repair leaves it alone', async t => {
  const through = bound(t)
  if (through === undefined || !isRoot) return
  const cwd = tempDir(t)
  const data = join(cwd, 'data')
  await newDataDir(data)
  const database = await openDatabase(join(data, 'database'))
  await database.close()
  const files = readdirSync(join(data, 'database'))
  const manifest = join(data, 'database', files.find(name => name.startsWith('MANIFEST')) ?? '')
  chmodSync(manifest, 0o600)
  chownSync(manifest, NOBODY, NOBODY)
  for (const command of ['stats', 'repair']) {
    const said = await refusal(t, [command, '--data-dir', 'data'], { cwd, through })
    assert.match(said, /the database at .*data\/database cannot be opened: IO error: .*MANIFEST-\d+: Permission denied/)
  }
  const left = readdirSync(join(data, 'database')).filter(name => !/^LOG/.test(name))
  assert.deepEqual(
    left,
    files.filter(name => !/^LOG/.test(name))
  )
})
