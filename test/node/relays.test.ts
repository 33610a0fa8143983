import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { type CircuitRelayServerInit, circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { Daemon } from '../../src/node/daemon.js'
import { ClientPeer } from '../../src/node/peer/client-peer.js'
import { readConfig } from '../../src/node/settings/config.js'
import { type Libp2pAddress, parsePeerAddress } from '../../src/node/settings/peer-address.js'
import { readPasswordFile } from '../../src/node/settings/secret.js'
import { startShape } from '../../src/node/settings/start-config.js'
import { toHex } from '../../src/wire/bytes.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { until } from '../helpers/waku-node.js'
import { tempDir } from './temp-dir.js'

const { signal } = new AbortController()

/** A relay with the limits that relays have by default: 128 KiB and two minutes. */
async function relay(
  t: TestContext,
  { listen = '/ip4/127.0.0.1/tcp/0', privateKey }: { listen?: string; privateKey?: PrivateKey } = {}
) {
  const init: CircuitRelayServerInit = { reservations: { maxReservations: 10 } }
  const node: Libp2p = await createLibp2p({
    ...(privateKey === undefined ? {} : { privateKey }),
    addresses: { listen: [listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), relay: circuitRelayServer(init) }
  })
  t.after(() => node.stop() as Promise<void>)
  return node
}

function addressAt(relay: Libp2p): string {
  return `${relay.getMultiaddrs()[0]}/p2p-circuit`
}

async function daemonAt(t: TestContext, listen: string, warn?: (line: string) => void): Promise<Daemon> {
  const flags = { 'data-dir': join(tempDir(t), 'data'), listen: [listen], 'no-devp2p': true }
  const daemon = await Daemon.start(readConfig(startShape, { flags, env: {} }), warn)
  t.after(() => daemon.stop())
  return daemon
}

async function client(t: TestContext): Promise<ClientPeer> {
  const peer = await ClientPeer.open({ dataDir: join(tempDir(t), 'client') })
  t.after(() => peer.close())
  return peer
}

function theOne(daemon: Daemon): Libp2pAddress {
  return parsePeerAddress(daemon.ready.multiaddrs[0] ?? '') as Libp2pAddress
}

test('history of more than a relay carries comes through it, complete and in order; live envelopes do not', async t => {
  const at = await relay(t)
  const daemon = await daemonAt(t, addressAt(at))
  const server = theOne(daemon)
  assert.match(server.address.toString(), /p2p-circuit/)
  const sent = unixNow() - 100
  const envelopes = Array.from({ length: 1000 }, (_, i) => newEnvelope({ sent: sent + (i % 50), ttl: 10 }))
  await daemon.node.services.mailserver.archive.append(envelopes)
  const peer = await client(t)
  await peer.dial(server, { signal, timeout: 20_000 })
  await peer.mailclient.trust.add(server.peer)
  const key = await keyFromPassword(await readPasswordFile(daemon.dir.password))
  const came: string[] = []
  let pages = 0
  for await (const page of peer.mailclient.history({ server: server.peer, from: sent - 10, requestKey: key })) {
    pages++
    came.push(...page.envelopes.map(({ hash }) => toHex(hash)))
  }
  assert.deepEqual(new Set(came), new Set(envelopes.map(({ hash }) => toHex(hash))))
  assert.equal(came.length, envelopes.length)
  // 330 kB in connections of 128 KiB
  assert.ok(pages > 12, `${pages} pages`)
  await assert.rejects(peer.connect(server, { signal, timeout: 20_000 }), {
    name: 'UnreachableError',
    message: /reached through a relay, which carries history but no live envelopes/
  })
})

test('a node starts without its relay, takes a place when it comes, and again when it comes back', async t => {
  const privateKey = await generateKeyPair('Ed25519')
  const first = await relay(t, { privateKey })
  const listen = `${first.getMultiaddrs()[0]}`
  await first.stop()
  const lines: string[] = []
  const daemon = await daemonAt(t, `${listen}/p2p-circuit`, line => lines.push(line))
  assert.match(lines[0] ?? '', /no place at the relay .*; it is asked again/)
  const reachable = () => daemon.ready.multiaddrs.some(address => address.includes('/p2p-circuit'))
  assert.ok(!reachable())
  const own = listen.replace(/\/p2p\/.*/, '')
  const second = await relay(t, { privateKey, listen: own })
  await until(reachable, 20_000)
  await second.stop()
  await until(() => !reachable(), 20_000)
  assert.match(lines.at(-1) ?? '', /the place at the relay .* is lost|no place/)
  await relay(t, { privateKey, listen: own })
  await until(reachable, 30_000)
})

test('an address of any relay at all is refused: nothing would find one', async t => {
  await assert.rejects(daemonAt(t, '/p2p-circuit'), { name: 'ConfigError', message: /name the relay/ })
})
