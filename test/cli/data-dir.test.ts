import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parsePeerName } from '../../src/node/settings/peer-address.js'
import { tempDir } from '../node/temp-dir.js'
import { fileThere, launch, portOpen, run, startNode } from './processes.js'

const mode = (path: string): number => statSync(path).mode & 0o777

test('a new data dir is private, says where its password is, and shows no secret', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const data = join(cwd, 'waku-data')
  assert.equal(mode(data), 0o700)
  for (const file of ['identity', 'password', 'admin-token', 'control.sock'])
    assert.equal(mode(join(data, file)), 0o600, file)
  const password = readFileSync(join(data, 'password'), 'utf8').trim()
  const identity = readFileSync(join(data, 'identity'), 'utf8').trim()
  const token = readFileSync(join(data, 'admin-token'), 'utf8').trim()
  assert.equal((await fetch(new URL('/readyz', server.admin))).status, 200)
  assert.equal(await server.stop(), 0)
  assert.ok(server.output().includes(`admin: ${server.admin} (token in ${join(data, 'admin-token')})`))
  assert.ok(!server.output().includes(token))
  assert.ok(server.output().includes(`listening: ${server.address}`))
  assert.ok(server.output().includes(`password: in ${join(data, 'password')}`))
  assert.ok(!server.output().includes(password) && !server.output().includes(identity))
  assert.ok(!existsSync(join(cwd, 'ready.json')), 'the ready file is gone with the node')
  assert.ok(!existsSync(join(data, 'control.sock')))
  assert.equal(await portOpen(server.port), false)
})

test('the ready file and id say who the node is, running or not', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const ready = JSON.parse(readFileSync(join(cwd, 'ready.json'), 'utf8'))
  assert.deepEqual(ready, {
    peerId: server.peerId,
    multiaddrs: [server.address],
    enode: server.enode,
    admin: server.admin,
    pid: server.child.pid
  })
  assert.ok(server.address.endsWith(`/p2p/${server.peerId}`))
  assert.match(server.peerId, /^16Uiu2/, 'it is secp256k1')
  const running = (await run(t, ['id', '--json'], { cwd })).json()[0]
  assert.deepEqual(running, { peerId: server.peerId, multiaddrs: [server.address], enode: server.enode })
  assert.match(server.enode, /^enode:\/\/[0-9a-f]{128}@127\.0\.0\.1:\d+$/)
  assert.equal(parsePeerName(server.enode).toString(), server.peerId, 'one key, two names')
  await server.stop()
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/4000', '--announce', '/dns4/example.org/tcp/4000']
  const stopped = (await run(t, ['id', '--json', ...listen], { cwd })).json()[0]
  const multiaddrs = [`/dns4/example.org/tcp/4000/p2p/${server.peerId}`]
  const enode = server.enode.replace(/@.*/, '@example.org:30303')
  assert.deepEqual(stopped, { peerId: server.peerId, multiaddrs, enode })
  const silent = (await run(t, ['id', '--json', '--no-devp2p', ...listen], { cwd })).json()[0]
  assert.deepEqual(silent, { peerId: server.peerId, multiaddrs, enode: null })
})

test('a second node on the same data dir, and a port in use, are clear errors that leave the first alone', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const same = await run(t, ['start', '--listen', '/ip4/127.0.0.1/tcp/0', '--ready-file', 'ready.json'], { cwd })
  assert.equal(same.code, 1)
  assert.match(same.stderr, /another process uses this data dir: .*waku-data/)
  assert.ok(existsSync(join(cwd, 'ready.json')), "the first one's ready file is not touched")
  const port = await run(t, ['start', '--data-dir', 'other', '--listen', `/ip4/127.0.0.1/tcp/${server.port}`], { cwd })
  assert.equal(port.code, 1)
  assert.match(port.stderr, /in use by another program: choose another with --listen/)
  assert.equal((await run(t, ['id'], { cwd })).code, 0, 'the first one answers')
  assert.equal(await server.stop(), 0)
})

test('a node that was killed leaves a socket behind that keeps nobody from anything', async t => {
  const cwd = tempDir(t)
  const first = await startNode(t, cwd)
  await first.stop('SIGKILL')
  assert.ok(existsSync(join(cwd, 'waku-data', 'control.sock')))
  const offline = await run(t, ['stats', '--json'], { cwd })
  assert.equal(offline.json()[0]?.running, false, offline.stderr)
  const second = await startNode(t, cwd)
  assert.equal(second.peerId, first.peerId)
  assert.equal((await run(t, ['stats', '--json'], { cwd })).json()[0]?.running, true)
  assert.equal(await second.stop('SIGINT'), 0)
})

test('settings come from environment and file too', async t => {
  const cwd = tempDir(t)
  writeFileSync(join(cwd, 'node.json'), JSON.stringify({ 'data-dir': 'from-file', listen: '/ip4/127.0.0.1/tcp/0' }))
  const env = { WAKU_MAILSERVER_CONFIG: 'node.json', WAKU_MAILSERVER_READY_FILE: 'ready.json' }
  const child = launch(t, ['start'], { cwd, env })
  await fileThere(join(cwd, 'ready.json'))
  assert.ok(existsSync(join(cwd, 'from-file', 'identity')))
  child.kill('SIGTERM')
})
