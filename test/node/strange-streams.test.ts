import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { waku } from '../../src/index.js'
import { wakuNodeOf } from '../../src/libp2p/waku-service.js'
import { createPeerNode } from '../../src/node/peer/peer-node.js'
import { libp2pNode } from '../helpers/libp2p-node.js'
import { until } from '../helpers/waku-node.js'

test('who opens streams that come to no protocol is read on later, others of its address at once', async t => {
  const node = await createPeerNode({
    privateKey: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    services: { waku: waku() }
  })
  await node.start()
  t.after(() => node.stop() as Promise<void>)
  const { limits } = wakuNodeOf(node.services.waku)
  const [strange, honest] = await Promise.all([libp2pNode({ withoutIdentify: true }), libp2pNode()])
  t.after(async () => void (await Promise.all([strange.stop(), honest.stop()])))
  const connection = await strange.dial(node.getMultiaddrs())
  // libp2p takes few streams of a connection that it has not set up yet
  await connection.newStream('/ipfs/ping/1.0.0')
  await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      assert.rejects(connection.newStream(`/strange/${i}`, { signal: AbortSignal.timeout(20_000) }))
    )
  )
  await until(() => limits.counts.snapshot().slowed_stream > 0)
  assert.ok(limits.throttle.ofPeer(strange.peerId.toString()) > 0)
  const other = await honest.dial(node.getMultiaddrs())
  for (const protocol of ['/ipfs/ping/1.0.0', '/waku/1/packets/1.0.0']) await other.newStream(protocol)
  assert.equal(limits.throttle.ofPeer(honest.peerId.toString()), 0)
})
