import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../node/temp-dir.js'
import { run, startNode } from './processes.js'

const PEER = '16Uiu2HAmTvN6CWRRTqKrVGDbvVh1wpUWiwdSxDGzVYCGPNFsB6Ro'
const ADDRESS = `/ip4/127.0.0.1/tcp/1/p2p/${PEER}`

test('what looks after a data dir makes none in the wrong folder, and says so', async t => {
  const cwd = tempDir(t)
  writeFileSync(join(cwd, 'secret'), 'secret')
  const commands = [
    ['trust', 'add', PEER],
    ['trust', 'remove', PEER],
    ['trust', 'list'],
    ['keys', 'add', 'a', '--password-file', 'secret'],
    ['keys', 'remove', 'a'],
    ['keys', 'list'],
    ['stats'],
    ['prune', '--before', '1d'],
    ['id'],
    ['export', '--output', 'x'],
    ['backup', '--output', 'y'],
    ['archive', 'copy', '--archive', 'cassandra://127.0.0.1:1/x'],
    ['archive', 'copy', '--back', '--archive', 'cassandra://127.0.0.1:1/x'],
    ['backfill', '--server', ADDRESS, '--since', '1h', '--trust', '--password-file', 'secret']
  ]
  for (const args of commands) {
    const { code, stderr, stdout } = await run(t, args, { cwd })
    assert.equal(code, 1, args.join(' '))
    assert.match(stderr, /there is no data dir .*waku-data: name one with --data-dir/, args.join(' '))
    assert.equal(stdout, '')
    assert.deepEqual(readdirSync(cwd), ['secret'], args.join(' '))
  }
  const here = await run(t, ['trust', 'add', PEER, '--data-dir', '.'], { cwd })
  assert.match(here.stderr, /is no data dir: it has neither identity nor archive/)
  assert.deepEqual(readdirSync(cwd), ['secret'])
})

test('what is wrong with the settings of a node is said before there is a data dir', async t => {
  const cwd = tempDir(t)
  writeFileSync(join(cwd, 'empty'), '')
  const start = ['start', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-devp2p']
  const wrong: Array<[args: string[], code: number, text: RegExp]> = [
    [['--password-file', 'missing'], 1, /cannot read missing: there is no such file/],
    [['--password-file', 'empty'], 1, /empty holds no password: it is empty/],
    [['--password-file', 'empty', '--password', 'x'], 2, /--password and --password-file exclude each other/],
    [['--ready-file', 'nowhere/ready.json'], 2, /--ready-file: there is no folder .*nowhere: make it first/],
    [['--ready-file', '.'], 2, /--ready-file: \. is a folder: name a file in it/],
    [['--ready-file', 'empty/ready.json'], 2, /--ready-file: .*empty is no folder/]
  ]
  for (const [args, code, text] of wrong) {
    const end = await run(t, [...start, ...args], { cwd })
    assert.match(end.stderr, text)
    assert.equal(end.code, code, args.join(' '))
    assert.deepEqual(readdirSync(cwd), ['empty'], args.join(' '))
  }
})

test('a node whose identity is missing beside its archive starts only with --new-identity', async t => {
  const cwd = tempDir(t)
  const data = join(cwd, 'waku-data')
  const first = await startNode(t, cwd)
  const files = readdirSync(join(data, 'database'))
  assert.equal(statSync(join(data, 'database')).mode & 0o777, 0o700)
  for (const name of files) assert.equal(statSync(join(data, 'database', name)).mode & 0o777, 0o600, name)
  await first.stop()
  rmSync(join(data, 'identity'))
  for (const args of [['start', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-devp2p'], ['stats'], ['trust', 'list']]) {
    const { code, stderr } = await run(t, args, { cwd })
    assert.equal(code, 1, args.join(' '))
    assert.match(stderr, /its identity is missing: put the file .*identity back, or start the node with --new-identity/)
    assert.ok(!existsSync(join(data, 'identity')))
  }
  const second = await startNode(t, cwd, ['--new-identity'])
  assert.notEqual(second.peerId, first.peerId)
  mkdirSync(join(cwd, 'twin'))
  copyFileSync(join(data, 'identity'), join(cwd, 'twin', 'identity'))
  for (const to of [second.address, second.enode]) {
    const twin = await run(t, ['post', '--data-dir', 'twin', '--to', to, '--topic', 'x', '--payload', 'x'], { cwd })
    assert.equal(twin.code, 1)
    assert.match(twin.stderr, /has the same identity as twin: a copied identity\?/)
  }
  // a variable that names the data dir of a node is not for the peers that post and request are
  const env = { WAKU_MAILSERVER_DATA_DIR: data }
  const post = ['post', '--to', second.address, '--topic', 'x', '--payload', 'x']
  const posted = await run(t, post, { cwd, env })
  assert.equal(posted.code, 0, posted.stderr)
  assert.ok(existsSync(join(data, 'client', 'identity')))
  writeFileSync(join(cwd, 'secret'), 'secret')
  // nor is it to be named by hand, whether the node runs or not
  const asked = ['request', '--server', second.address, '--password-file', 'secret', '--trust']
  const refused = async (): Promise<void> => {
    for (const args of [post, asked]) {
      const named = await run(t, [...args, '--data-dir', 'waku-data'], { cwd })
      assert.equal(named.code, 1, args[0])
      assert.match(named.stderr, /waku-data is the data dir of a node: post and request are peers of their own/)
    }
  }
  await refused()
  const elsewhere = await run(t, post, { cwd, env: { WAKU_MAILSERVER_CLIENT_DATA_DIR: 'elsewhere' } })
  assert.equal(elsewhere.code, 0, elsewhere.stderr)
  assert.ok(existsSync(join(cwd, 'elsewhere', 'identity')))
  await second.stop()
  await refused()
  // one that left nothing else behind is known by what its store says
  for (const name of ['password', 'admin-token', 'control']) rmSync(join(data, name), { force: true })
  await refused()
})
