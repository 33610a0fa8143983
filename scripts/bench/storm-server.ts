import '../../src/base/polyfill.js'
import type { AddressInfo, Server } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { RLPx } from '@ethereumjs/devp2p'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { offer } from '../../src/devp2p/capability-traits.js'
import { formatEnode, NodeKey, RlpxHost } from '../../src/devp2p/index.js'
import { mailserverDefaults } from '../../src/libp2p/mailserver-defaults.js'
import { Daemon } from '../../src/node/daemon.js'
import { openDataDir } from '../../src/node/data-dir/data-dir.js'
import { openStore } from '../../src/node/data-dir/store.js'
import { readConfig } from '../../src/node/settings/config.js'
import { startShape } from '../../src/node/settings/start-config.js'
import { Prng } from '../../test/archive/prng.js'
import { Traffic } from '../../test/archive/traffic.js'
import { PASSWORD } from './history-protocol.js'
import { anonymousBytes } from './report.js'

// A server's process for the benchmarks of many phones: `storm-server.js node <data dir> <envelopes>`, `storm-server.js bare`,
// `storm-server.js ethereumjs`, or `storm-server.js raw`, talking to its parent over IPC.

const DAYS = 30

interface Running {
  /** Where phones connect. */
  libp2p?: string | undefined
  enode?: string | undefined
  stop(): Promise<void>
}

/** The daemon as `start` runs it, with an archive that is there already. */
async function node(path: string, count: number): Promise<Running> {
  const store = await openStore(await openDataDir(path))
  const traffic = new Traffic(new Prng(7), { count, days: DAYS })
  for (const batch of traffic.batches(2000)) await store.archive.append(batch)
  await store.close()
  const flags = {
    'data-dir': path,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    'devp2p-listen': '127.0.0.1:0',
    'new-identity': true,
    'max-connections': 20_000,
    password: PASSWORD,
    retention: 'forever'
  }
  const daemon = await Daemon.start(readConfig(startShape, { flags, env: {} }))
  const { multiaddrs, enode } = daemon.ready
  return { libp2p: multiaddrs[0], enode: enode ?? undefined, stop: () => daemon.stop() }
}

/** What libp2p itself needs to be asked who it is, with the daemon's room for many clients. */
async function bare(): Promise<Running> {
  const { connectionManager } = mailserverDefaults()
  const peer = await createLibp2p({
    privateKey: await generateKeyPair('secp256k1'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { ...connectionManager, maxConnections: 20_000 },
    services: { identify: identify() }
  })
  return { libp2p: peer.getMultiaddrs()[0]?.toString(), stop: async () => void (await peer.stop()) }
}

/** RLPx as the library of Ethereum's JavaScript clients has it. */
async function ethereumjs(): Promise<Running> {
  const rlpx = new RLPx(new NodeKey().privateKey, {
    maxPeers: 20_000,
    capabilities: [{ name: 'waku', version: 1, length: 128, constructor: Silent as never }],
    common: { customCrypto: {} } as never,
    listenPort: null
  })
  for (const event of ['error', 'peer:error'] as const) rlpx.events.on(event, () => {})
  const listening = new Promise<void>(resolve => rlpx.events.on('listening', () => resolve()))
  rlpx.listen(0, '127.0.0.1')
  await listening
  const { port } = (rlpx as unknown as { _server: Server })._server.address() as AddressInfo
  return { enode: formatEnode({ id: rlpx.id, host: '127.0.0.1', port }), stop: async () => rlpx.destroy() }
}

/** A capability that says nothing and takes what comes. */
class Silent {
  _handleMessage(): void {}
}

/** Our RLPx with nothing behind it. */
async function raw(): Promise<Running> {
  const host = new RlpxHost({ key: new NodeKey(), capabilities: offer(['waku/1']), onConnection: () => {} })
  await host.listen({ host: '127.0.0.1', port: 0 })
  return { enode: host.enode('127.0.0.1'), stop: () => host.stop() }
}

const [mode, path = '', count = '0'] = process.argv.slice(2)
const modes: Record<string, () => Promise<Running>> = { node: () => node(path, Number(count)), bare, ethereumjs, raw }
const running = await (modes[mode ?? ''] ?? raw)()

const commands: Record<string, () => Promise<unknown>> = {
  /** Of the process, all threads, in ms. */
  cpu: async () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
  memory: async () => {
    // what is let go of goes at once, or later: several times until nothing more does
    let before = Number.POSITIVE_INFINITY
    for (let now = anonymousBytes(); now < before; now = anonymousBytes()) {
      before = now
      globalThis.gc?.()
      await new Promise(resolve => setTimeout(resolve, 200))
    }
    return before
  },
  stop: () => running.stop()
}

process.on('message', ({ command }: { command: string }) => {
  void commands[command]?.().then(result => {
    process.send?.({ command, result })
    if (command === 'stop') process.disconnect()
  })
})
const { hot, cold, end } = new Traffic(new Prng(7), { count: 0, days: DAYS })
const topics = [...hot, ...cold].map(topic => Buffer.from(topic).toString('hex'))
process.send?.({ command: 'ready', result: { libp2p: running.libp2p, enode: running.enode, topics, end } })
