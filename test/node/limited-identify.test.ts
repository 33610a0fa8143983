import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { type Identify, type IdentifyComponents, identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
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
