import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { StreamPacketChannel } from '../../src/libp2p/packet-channel.js'
import { PACKETS_PROTOCOL } from '../../src/libp2p/packet-protocol.js'
import { Limits } from '../../src/limits/limits.js'
import { libp2pNode } from '../helpers/libp2p-node.js'
import type { Scope } from '../helpers/scope.js'
import { ScriptedPeer } from '../helpers/scripted-peer.js'
import { type TestNode, until, wakuNode } from '../helpers/waku-node.js'

async function dialler(t: Scope, privateKey: PrivateKey, to: TestNode): Promise<() => Promise<ScriptedPeer>> {
  const plain: Libp2p = await libp2pNode({ privateKey })
  t.after(() => plain.stop())
  const connection = await plain.dial(to.libp2p.getMultiaddrs())
  return async () => {
    const stream = await connection.newStream(PACKETS_PROTOCOL)
    const channel = new StreamPacketChannel(stream, { connection, limits: new Limits() })
    const peer = new ScriptedPeer(channel, connection.remotePeer)
    await peer.shakeHands({})
    return peer
  }
}

test('a peer that moves from connection to connection is none that lives twice; one that comes back to each is', async t => {
  const told: string[] = []
  const node = await wakuNode({ pow: 0, onTwin: whose => told.push(whose) })
  t.after(() => node.stop())
  const key = await generateKeyPair('secp256k1')
  const paths = await Promise.all(Array.from({ length: 5 }, () => dialler(t, key, node)))
  let opened = 0
  const ready = async (path: (() => Promise<ScriptedPeer>) | undefined): Promise<void> => {
    await path?.()
    opened++
    await until(() => node.waku.counters.get('sessions_ready') === opened)
  }
  // as one that changes its network again and again, while what it left is not known to be dead
  for (const path of paths) await ready(path)
  assert.deepEqual(told, [])
  await ready(paths[0])
  await ready(paths[1])
  assert.deepEqual(told, [])
  await ready(paths[0])
  assert.deepEqual(told, ['peer'])
  assert.equal(node.waku.counters.get('twins_of_peers'), 1)
})
