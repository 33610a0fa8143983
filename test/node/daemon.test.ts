import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { PUSH_PROTOCOL } from '../../src/index.js'
import { wakuNodeOf } from '../../src/libp2p/waku-service.js'
import { Daemon } from '../../src/node/daemon.js'
import { ClientPeer } from '../../src/node/peer/client-peer.js'
import { readConfig } from '../../src/node/settings/config.js'
import { DEFAULT_DEVP2P_PORT } from '../../src/node/settings/devp2p-listen.js'
import { parsePeerAddress } from '../../src/node/settings/peer-address.js'
import { startShape } from '../../src/node/settings/start-config.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { until } from '../helpers/waku-node.js'
import { tempDir } from './temp-dir.js'

const { signal } = new AbortController()

function start(dir: string, flags: Record<string, unknown> = {}): Promise<Daemon> {
  const all = { 'data-dir': dir, listen: ['/ip4/127.0.0.1/tcp/0'], ...flags }
  return Daemon.start(readConfig(startShape, { flags: all, env: {} }))
}

async function running(t: TestContext, flags: Record<string, unknown> = {}): Promise<Daemon> {
  const daemon = await start(join(tempDir(t), 'data'), flags)
  t.after(() => daemon.stop())
  return daemon
}

test('a config that readConfig did not make is refused before anything is done, with what is wrong', async t => {
  const dir = join(tempDir(t), 'data')
  const wrong: Array<[config: unknown, text: RegExp]> = [
    [undefined, /a config is an object, not undefined/],
    [5, /a config is an object, not the number 5/],
    [{ 'data-dir': dir, retenton: 5 }, /a config has no retenton: did you mean retention\?/],
    [{ 'data-dir': dir, retention: '30d' }, /"retention": "30d" is a text, and no setting yet: readConfig/],
    [{ 'data-dir': dir, listen: '/ip4/127.0.0.1/tcp/0' }, /"listen": .* is a text/],
    [{ 'data-dir': dir, 'archive-topics': ['news'] }, /"archive-topics": \["news"\] is a text/]
  ]
  for (const [config, message] of wrong)
    await assert.rejects(Daemon.start(config as never), { name: 'ConfigError', message })
  assert.equal(existsSync(dir), false)
})

test('by default a node asks for no more proof of work than deployed clients mine, and posts live at least 10 s [USE-01]', async t => {
  const daemon = await running(t)
  const { pow } = daemon.node.services.waku.status
  assert.ok(pow !== undefined && pow <= 0.000002)
  const [address = ''] = daemon.ready.multiaddrs
  const client = await ClientPeer.open({ dataDir: join(tempDir(t), 'client') })
  t.after(() => client.close())
  const server = parsePeerAddress(address)
  await client.connect(server, { signal, timeout: 20_000 })
  const posted = await client.waku.post({ topic: topicFromName('x'), payload: new Uint8Array(1), to: server.peer })
  assert.ok(posted.envelope.ttl >= 10)
  assert.equal(posted.confirmed.length, 1)
})

test('as many connections at a time as a setting says: of an address that takes most of them some give way', async t => {
  const daemon = await running(t, { 'max-connections': 16, 'no-devp2p': true })
  for (let i = 0; i < 13; i++) {
    const peer = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()]
    })
    t.after(() => peer.stop() as Promise<void>)
    await peer.dial(multiaddr(daemon.ready.multiaddrs[0]))
  }
  const { limits } = wakuNodeOf(daemon.node.services.waku)
  await until(() => limits.counts.snapshot().evicted_connection === 1)
  await until(() => daemon.node.getConnections().length === 12)
})

test('what was pruned is stored again when it is posted again, from either network [MAIL-01] [D-08]', async t => {
  const daemon = await running(t, { 'devp2p-listen': '127.0.0.1:0', 'min-pow': 0 })
  const { archive } = daemon.node.services.mailserver
  for (const address of [daemon.ready.multiaddrs[0], daemon.ready.enode]) {
    const client = await ClientPeer.open({ dataDir: join(tempDir(t), 'client') })
    t.after(() => client.close())
    const server = parsePeerAddress(address ?? '')
    await client.connect(server, { signal, timeout: 20_000 })
    const envelope = newEnvelope({ ttl: 600 })
    const post = async (): Promise<number> => {
      const { confirmed } = await client.waku.post({ envelope, to: server.peer })
      assert.equal(confirmed.length, 1)
      return (await archive.stats()).envelopes
    }
    assert.equal(await post(), 1)
    assert.equal(await archive.prune(envelope.sent), 0)
    assert.equal(await post(), 1)
    assert.equal(await archive.prune(2 ** 32), 1)
    assert.equal(await post(), 1, `confirmed over ${server.network}, so it is there`)
    assert.equal(await archive.prune(2 ** 32), 1)
  }
})

test('nobody may push unless the owner opted in', async t => {
  const closed = await running(t)
  assert.ok(!closed.node.getProtocols().includes(PUSH_PROTOCOL))
  const open = await running(t, { 'accept-push': true })
  assert.ok(open.node.getProtocols().includes(PUSH_PROTOCOL))
})

test('where nobody chose a devp2p port, one that is taken is made up for with another', async t => {
  const occupant = createServer()
  // whoever has it already will do
  await new Promise<void>(resolve => {
    occupant.once('error', () => resolve()).listen(DEFAULT_DEVP2P_PORT, '127.0.0.1', resolve)
  })
  t.after(() => occupant.close())
  const daemon = await running(t)
  assert.equal(daemon.devp2p?.yielded, true)
  assert.match(daemon.ready.enode ?? '', /^enode:\/\/[0-9a-f]{128}@127\.0\.0\.1:(?!30303$)\d+$/)
  const silent = await running(t, { 'no-devp2p': true })
  assert.equal(silent.ready.enode, null)
})

test('the enode URL names the host that is announced, by its address if there is one', async t => {
  const announced = async (...addresses: string[]): Promise<string | undefined> => {
    const daemon = await running(t, { announce: addresses })
    return daemon.ready.enode?.split('@')[1]?.replace(/:\d+$/, '')
  }
  const name = '/dns4/mail.example.org/tcp/60000'
  assert.equal(await announced(name, '/ip4/203.0.113.7/tcp/60000'), '203.0.113.7')
  assert.equal(await announced(name), 'mail.example.org')
  assert.equal(await announced('/ip6/2001:db8::7/tcp/60000'), '[2001:db8::7]')
})

test('a start that fails leaves data dir, port and socket free', async t => {
  const dir = join(tempDir(t), 'data')
  await assert.rejects(start(dir, { 'password-file': join(dir, 'none') }), { name: 'SecretError' })
  await assert.rejects(start(dir, { listen: ['/ip4/192.0.2.77/tcp/0'] }), {
    name: 'ListenError',
    message: /does not have/
  })
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port } = taken.address() as AddressInfo
  await assert.rejects(start(dir, { 'devp2p-listen': `127.0.0.1:${port}` }), { name: 'ListenError', message: /in use/ })
  const daemon = await start(dir)
  await assert.rejects(start(dir), { name: 'DataDirLockedError', message: /another process uses this data dir/ })
  await daemon.stop()
  assert.ok(!existsSync(join(dir, 'control.sock')))
})

test('a client that is not told whom to trust asks nobody, and finds only the peer that is meant', async t => {
  const daemon = await running(t)
  const [address = ''] = daemon.ready.multiaddrs
  const server = parsePeerAddress(address)
  const client = await ClientPeer.open({ dataDir: join(tempDir(t), 'client') })
  t.after(() => client.close())
  assert.throws(() => client.requireTrust(server.peer), { name: 'NotTrustedError', message: /trust add 16Uiu2/ })
  const pages = client.mailclient.history({ server: server.peer, from: 0, requestKey: new Uint8Array(32).fill(1) })
  await assert.rejects(pages.next(), { name: 'UntrustedServerError' })
  const wrong = parsePeerAddress(address.replace(/[^/]+$/, '16Uiu2HAmTvN6CWRRTqKrVGDbvVh1wpUWiwdSxDGzVYCGPNFsB6Ro'))
  await assert.rejects(client.connect(wrong, { signal, timeout: 20_000 }), { name: 'UnreachableError' })
})
