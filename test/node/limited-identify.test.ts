import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { type Identify, type IdentifyComponents, identify } from '@libp2p/identify'
import type { IdentifyResult, PrivateKey } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { limitedIdentify } from '../../src/node/peer/limited-identify.js'
import { until } from '../helpers/waku-node.js'

type Kind = (components: IdentifyComponents) => Identify

async function aNode(t: TestContext, kind: Kind, announce: string[] = []) {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'], appendAnnounce: announce },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: kind }
  })
  t.after(() => node.stop() as Promise<void>)
  return node
}

/** What a node keeps of a peer that speaks so many protocols at so many addresses. */
async function introduce(
  t: TestContext,
  kind: Kind,
  { protocols, addresses }: { protocols: number; addresses: number }
): Promise<{ protocols: number; addresses: number }> {
  const announce = Array.from({ length: addresses }, (_, i) => `/ip4/10.0.0.${i}/tcp/1`)
  const peer = await aNode(t, identify(), announce)
  await peer.handle(
    Array.from({ length: protocols }, (_, i) => i.toString(36)),
    () => {}
  )
  const node = await aNode(t, kind)
  const connection = await node.dial(peer.getMultiaddrs()[0] as never)
  // it begins by itself, one at a time
  await until(() => connection.streams.length === 0)
  await node.services.identify.identify(connection)
  const known = await node.peerStore.get(peer.peerId)
  return { protocols: known.protocols.length, addresses: known.addresses.length }
}

test('of what a peer says of itself the first protocols and addresses are kept', async t => {
  const large = { protocols: 300, addresses: 30 }
  assert.deepEqual(await introduce(t, limitedIdentify(), large), { protocols: 64, addresses: 16 })
  // the control: without the bound everything is kept, and compared with everything the next time
  assert.deepEqual(await introduce(t, identify(), large), { protocols: 301, addresses: 31 })
})

test('a message that is larger than a node needs is not read', async t => {
  const large = { protocols: 1000, addresses: 1 }
  await assert.rejects(introduce(t, limitedIdentify(), large), { name: 'InvalidDataLengthError' })
  assert.equal((await introduce(t, identify(), large)).protocols, 1001)
})

test('what a node says of itself is signed once a second, or when it changes, however many ask', async t => {
  let now = 0
  const node = await aNode(
    t,
    limitedIdentify(() => now)
  )
  const peer = await aNode(t, identify({ runOnConnectionOpen: false }) as Kind)
  const { privateKey } = (node as unknown as { components: { privateKey: PrivateKey } }).components
  const signed = t.mock.method(privateKey, 'sign')
  const connection = await peer.dial(node.getMultiaddrs()[0] as never)
  const before = signed.mock.callCount()
  const asked = async (): Promise<IdentifyResult> => await peer.services.identify.identify(connection)
  for (let i = 0; i < 3; i++) {
    const { signedPeerRecord, listenAddrs, protocols } = await asked()
    assert.deepEqual(listenAddrs.map(String), [...node.getMultiaddrs().map(withoutPeer)])
    assert.deepEqual(signedPeerRecord?.addresses.map(String), node.getMultiaddrs().map(withoutPeer))
    assert.ok(!protocols.includes('/later/1.0.0'))
  }
  assert.equal(signed.mock.callCount(), before + 1)
  now += 1001
  await asked()
  assert.equal(signed.mock.callCount(), before + 2)
  await node.handle('/later/1.0.0', () => {})
  assert.ok((await asked()).protocols.includes('/later/1.0.0'))
})

const withoutPeer = (address: Multiaddr): string => address.toString().replace(/\/p2p\/.*/, '')
