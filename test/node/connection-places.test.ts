import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Libp2p } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { createPeerNode } from '../../src/node/peer/peer-node.js'
import { until } from '../helpers/waku-node.js'

/** A new peer at a loopback address of its own. */
async function dialFrom(t: TestContext, address: string, node: Libp2p): Promise<Connection> {
  const dialOpts = { localAddress: address } as object
  const peer = await createLibp2p({
    transports: [tcp({ dialOpts })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()]
  })
  t.after(() => peer.stop() as Promise<void>)
  return await peer.dial(node.getMultiaddrs())
}

test('idle connections of few addresses give way to those of others', async t => {
  const node = await createPeerNode({
    privateKey: await generateKeyPair('secp256k1'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    maxConnections: 8,
    services: {}
  })
  await node.start()
  t.after(() => node.stop() as Promise<void>)
  await node.handle('/test/1.0.0', () => {})
  const busy = await dialFrom(t, '127.0.0.2', node)
  await busy.newStream('/test/1.0.0')
  const crowd: Connection[] = []
  for (let i = 0; i < 5; i++) crowd.push(await dialFrom(t, '127.0.0.2', node))
  const other = await dialFrom(t, '127.0.0.3', node)
  await until(() => node.getConnections().length === 6)
  for (let i = 0; i < 8; i++) {
    crowd.push(await dialFrom(t, '127.0.0.2', node))
    await until(() => node.getConnections().length <= 6)
  }
  const last = await dialFrom(t, '127.0.0.4', node)
  await until(() => crowd.filter(({ status }) => status === 'open').length === 3)
  for (const connection of [busy, other, last]) {
    assert.equal(connection.status, 'open')
    await connection.newStream('/test/1.0.0')
  }
})

test('sockets of few addresses that agree on nothing leave places to others', async t => {
  const node = await createPeerNode({
    privateKey: await generateKeyPair('secp256k1'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    services: {}
  })
  await node.start()
  t.after(() => node.stop() as Promise<void>)
  const port = Number(/tcp\/(\d+)/.exec(String(node.getMultiaddrs()[0]))?.[1])
  const refused: Promise<unknown>[] = []
  for (let i = 0; i < 200; i++) {
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    t.after(() => socket.destroy())
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    refused.push(closed)
    socket.on('error', () => {})
    socket.resume()
    await Promise.race([closed, new Promise<void>(resolve => socket.once('connect', () => resolve()))])
  }
  await Promise.any(refused)
  const same = await dialFrom(t, '127.0.0.3', node)
  assert.equal(same.status, 'open')
})
