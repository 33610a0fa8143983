import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { CounterGroup, Metrics, PrivateKey } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import {
  keyFromPassword,
  type MailClientService,
  type MailserverService,
  mailclient,
  mailserver,
  topicFromName,
  type WakuService,
  waku
} from '../../src/index.js'
import { Devp2pNode } from '../../src/node/devp2p/devp2p-node.js'
import { Daemon, DigestThread, openDatabase, readConfig, startShape } from '../../src/node/index.js'
import { tempDir } from '../node/temp-dir.js'

const PASSWORD = 'a password of your own'
const TOPIC = topicFromName('news')

type All = { waku: WakuService; mailserver: MailserverService; mailclient: MailClientService }
type Application = Libp2p<All>

interface Options {
  waku?: Parameters<typeof waku>[0]
  mailserver?: Parameters<typeof mailserver>[0]
  mailclient?: Parameters<typeof mailclient>[0]
  metrics?: (components: { logger: unknown }) => Metrics
  listen?: string
  privateKey?: PrivateKey
}

async function application(options: Options = {}): Promise<Application> {
  return (await createLibp2p({
    start: false,
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    privateKey: options.privateKey ?? (await generateKeyPair('secp256k1')),
    addresses: { listen: [options.listen ?? '/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 100 },
    services: {
      identify: identify(),
      waku: waku(options.waku),
      mailserver: mailserver({ password: PASSWORD, ...options.mailserver }),
      mailclient: mailclient(options.mailclient)
    }
  })) as unknown as Application
}

/** Refuses a name of ours that it has already, as prom-client does. */
function strictMetrics(): Metrics {
  const names = new Set<string>()
  const nothing = { update: () => {}, increment: () => {}, reset: () => {}, timer: () => () => {} }
  const register = (name: string): CounterGroup => {
    assert.ok(!name.startsWith('waku_') || !names.has(name), `${name} is registered already`)
    names.add(name)
    return nothing as unknown as CounterGroup
  }
  const traced = (_name: string, work: unknown): unknown => work
  return new Proxy({} as Metrics, {
    get: (_, name) => {
      if (name === 'traceFunction') return traced
      return String(name).startsWith('register') ? register : name === 'then' ? undefined : () => {}
    }
  })
}

/** What is given to the services, and who else has a part in the run. */
const CASES: Record<string, (t: TestContext) => Options | Promise<Options>> = {
  'without options': () => ({}),
  'with metrics': () => ({ metrics: strictMetrics }),
  'with rules': () => ({
    waku: { light: false, pow: 0.000001 },
    mailserver: { retention: 3600, archiveTopics: [TOPIC], streamsPerPeer: 4 },
    mailclient: { acceptPush: true, onReport: () => {}, windowPages: 1 }
  }),
  'with an archive and a thread of its own': async t => {
    const { archive, close } = await openDatabase(join(tempDir(t), 'db'))
    t.after(close)
    const digester = new DigestThread()
    t.after(() => digester.stop())
    return { waku: { digester }, mailserver: { archive } }
  }
}

/** Posts to it, fetches from it, as server and as client. */
async function works(node: Application, other: Application): Promise<void> {
  const requestKey = await keyFromPassword(PASSWORD)
  for (const [client, server] of [
    [other, node],
    [node, other]
  ] as const) {
    await client.dial(server.getMultiaddrs())
    await client.services.waku.connect(server.peerId)
    const payload = crypto.getRandomValues(new Uint8Array(8))
    const posted = await client.services.waku.post({ topic: TOPIC, payload, to: server.peerId })
    assert.equal(posted.confirmed.length, 1)
    await client.services.mailclient.trust.add(server.peerId)
    const found: string[] = []
    const query = { server: server.peerId, from: 0, topics: [TOPIC], requestKey }
    for await (const envelope of client.services.mailclient.envelopes(query)) found.push(envelope.hashHex)
    assert.ok(found.includes(posted.envelope.hashHex), 'what was posted is in the history')
  }
  await other.hangUp(node.peerId)
}

async function occupied(t: TestContext): Promise<{ occupant: Server; port: number }> {
  const occupant = createServer().listen(0, '127.0.0.1')
  t.after(() => occupant.close())
  await once(occupant, 'listening')
  return { occupant, port: (occupant.address() as AddressInfo).port }
}

async function freed(occupant: Server): Promise<void> {
  occupant.close()
  await once(occupant, 'close')
}

for (const [name, options] of Object.entries(CASES)) {
  test(`the services start, stop and start again ${name}`, async t => {
    const other = await application()
    const node = await application(await options(t))
    t.after(() => Promise.all([node.stop(), other.stop()]))
    await other.start()
    for (let run = 0; run < 3; run++) {
      await node.start()
      await works(node, other)
      assert.deepEqual(
        node.services.mailserver.keyring.list().map(key => key.name),
        ['password']
      )
      await node.stop()
    }
    assert.deepEqual(node.services.mailserver.keyring.list(), [], 'the key of the options belongs to the run')
  })

  test(`the services start after a start that failed on a busy port ${name}`, async t => {
    const { occupant, port } = await occupied(t)
    const other = await application()
    const node = await application({ ...(await options(t)), listen: `/ip4/127.0.0.1/tcp/${port}` })
    t.after(() => Promise.all([node.stop(), other.stop()]))
    await other.start()
    await assert.rejects(async () => await node.start(), { name: 'UnsupportedListenAddressesError' })
    await assert.rejects(async () => await node.start(), { name: 'UnsupportedListenAddressesError' })
    await freed(occupant)
    await node.start()
    await works(node, other)
  })
}

test('a start that another service kept from succeeding leaves nothing behind', async t => {
  const other = await application()
  const node = await application()
  t.after(() => Promise.all([node.stop(), other.stop()]))
  await other.start()
  // fails at once, while the mailserver still derives its key
  const { identify: service } = node.services as unknown as { identify: { beforeStart?: () => Promise<void> } }
  service.beforeStart = () => Promise.reject(new Error('not today'))
  await assert.rejects(async () => await node.start(), /not today/)
  service.beforeStart = () => Promise.resolve()
  await node.start()
  await works(node, other)
})

test('the devp2p side starts, stops and starts again with the services', async t => {
  const privateKey = await generateKeyPair('secp256k1')
  const server = await application()
  const node = await application({ privateKey })
  const listen = { host: '127.0.0.1', port: 0 }
  const serverKey = await generateKeyPair('secp256k1')
  const legacy = new Devp2pNode({ privateKey: serverKey, listen, services: () => server.services })
  const side = new Devp2pNode({ privateKey, services: () => node.services })
  await server.start()
  await legacy.start()
  t.after(async () => {
    await legacy.stop()
    await server.stop()
    await side.stop()
    await node.stop()
  })
  for (let run = 0; run < 2; run++) {
    await node.start()
    await side.start()
    const peer = side.running.addAddress(legacy.enode ?? '')
    await node.services.waku.connect(peer)
    assert.deepEqual(
      node.services.waku.peers().map(({ network }) => network),
      ['devp2p']
    )
    await node.services.mailclient.trust.add(peer)
    const query = { server: peer, network: 'devp2p' as const, from: 0, requestKey: await keyFromPassword(PASSWORD) }
    for await (const _ of node.services.mailclient.history(query)) {
      // there is none; that it ends says that it was asked
    }
    await side.beforeStop()
    await node.stop()
    await side.stop()
  }
})

test('a thread for hashing starts again after it was stopped', async t => {
  const digester = new DigestThread()
  t.after(() => digester.stop())
  assert.equal(await digester.start(), true)
  digester.stop()
  assert.equal(digester.digest(new Uint8Array(1_000_000), { pow: 0 }), undefined)
  assert.equal(await digester.start(), true)
})

test('a daemon starts on its data dir after one that stopped, and after one that failed on a busy port', async t => {
  const { occupant, port } = await occupied(t)
  const dir = join(tempDir(t), 'data')
  const start = (flags: Record<string, unknown>): Promise<Daemon> =>
    Daemon.start(
      readConfig(startShape, { flags: { 'data-dir': dir, listen: ['/ip4/127.0.0.1/tcp/0'], ...flags }, env: {} })
    )
  const busy = { listen: [`/ip4/127.0.0.1/tcp/${port}`] }
  await assert.rejects(start({ ...busy, 'no-devp2p': true }), { name: 'ListenError' })
  await assert.rejects(start({ 'devp2p-listen': `127.0.0.1:${port}` }), { name: 'ListenError' })
  await freed(occupant)
  const peers = new Set<string>()
  for (const flags of [busy, {}, { 'devp2p-listen': '127.0.0.1:0' }]) {
    const daemon = await start(flags)
    peers.add(daemon.ready.peerId)
    assert.equal(daemon.node.services.mailserver.keyring.list().length, 1)
    await daemon.stop()
  }
  assert.equal(peers.size, 1)
})
