import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { type TestContext, test } from 'node:test'
import { noise, pureJsCrypto } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { enabled } from '@libp2p/logger'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { MemoryDatastore } from 'datastore-core'
import type { Key } from 'interface-datastore'
import { createLibp2p } from 'libp2p'
import { createPeerNode } from '../../src/node/peer/peer-node.js'
import { quietLogger } from '../../src/node/peer/quiet-logger.js'
import { until } from '../helpers/waku-node.js'

const PROTOCOL = '/count/1.0.0'
const PHONES = 4

class CountedRecords extends MemoryDatastore {
  readonly peers = new Set<string>()

  override put(key: Key, value: Uint8Array): Key {
    if (key.toString().startsWith('/peers/')) this.peers.add(key.toString())
    return super.put(key, value) as Key
  }
}

/** Also for those who import the function by its name. */
function counted(t: TestContext, name: 'diffieHellman' | 'generateKeyPairSync' | 'createPublicKey'): () => number {
  const mock = t.mock.method(crypto, name)
  syncBuiltinESMExports()
  t.after(() => {
    mock.mock.restore()
    syncBuiltinESMExports()
  })
  return () => mock.mock.callCount()
}

/** Its cryptography is not node:crypto's, where the node's is counted. */
async function phone(t: TestContext) {
  const peer = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    transports: [tcp()],
    connectionEncrypters: [noise({ crypto: pureJsCrypto })],
    streamMuxers: [yamux()]
  })
  t.after(() => peer.stop() as Promise<void>)
  return peer
}

test('a phone that connects and opens a stream costs three agreements on secrets, one pair of keys, no signature and no record', async t => {
  const privateKey = await generateKeyPair('secp256k1')
  const signed = t.mock.method(privateKey, 'sign')
  const records = new CountedRecords()
  const node = await createPeerNode({
    privateKey,
    datastore: records,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    services: {}
  })
  t.after(() => node.stop() as Promise<void>)
  await node.start()
  let came = 0
  await node.handle(PROTOCOL, () => void came++)
  const phones = await Promise.all(Array.from({ length: PHONES + 1 }, () => phone(t)))
  const come = async ({ dialProtocol }: Pick<(typeof phones)[number], 'dialProtocol'>): Promise<void> => {
    const before = came
    await dialProtocol(node.getMultiaddrs()[0] as never, PROTOCOL)
    await until(() => came > before)
  }
  const [first, ...others] = phones as [(typeof phones)[number], ...typeof phones]
  // what is made once: the key of noise, and its signature
  await come({ dialProtocol: first.dialProtocol.bind(first) })
  assert.equal(signed.mock.callCount(), 1)
  const agreed = counted(t, 'diffieHellman')
  const pairs = counted(t, 'generateKeyPairSync')
  const read = counted(t, 'createPublicKey')
  for (const other of others) await come({ dialProtocol: other.dialProtocol.bind(other) })
  assert.equal(agreed(), 3 * PHONES)
  assert.equal(pairs(), PHONES)
  // one for each agreement, and its identity
  assert.equal(read(), 4 * PHONES)
  assert.equal(signed.mock.callCount(), 1)
  await Promise.all(phones.map(peer => peer.stop()))
  await until(() => node.getConnections().length === 0)
  assert.equal(records.peers.size, 1, 'its own')
})

test('a logger is made when something of it is switched on, and not before', () => {
  const log = quietLogger().forComponent('phone-cost').newScope('one')
  assert.equal(enabled('phone-cost:one'), false)
  // an argument that is written down would be read
  const secret = new Proxy({}, { get: () => assert.fail('it was formatted') })
  log('%o', secret)
  log.error('%o', secret)
  log.trace('%o', secret)
  assert.equal(log.enabled, false)
})
