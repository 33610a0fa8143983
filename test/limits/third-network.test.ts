import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import * as FIGURES from '../../src/limits/figures.js'
import { MemoryBudget } from '../../src/limits/memory-budget.js'
import type { WakuNode } from '../../src/waku/waku-node.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeList, encodeUint } from '../../src/wire/rlp.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { MemoryNetwork } from '../helpers/memory-network.js'
import { loneNode, type ScriptedPeer } from '../helpers/scripted-peer.js'
import { until } from '../helpers/waku-node.js'

const KIB = 1024
const garbage = encodeMessages(Array.from({ length: 900 }, (_, i) => encodeList([encodeUint(i)])))

async function aNode(t: TestContext): Promise<WakuNode> {
  const node = await loneNode()
  t.after(async () => {
    await node.beforeStop()
    node.stop()
  })
  return node
}

async function connected(network: MemoryNetwork, address: string): Promise<ScriptedPeer> {
  const peer = await network.connect(address)
  assert.ok(peer, `a place for ${address}`)
  await peer.shakeHands()
  return peer
}

test('on a network that only hands along who is asking, the most crowded address gives its places away', async t => {
  const network = new MemoryNetwork(await aNode(t), { places: 4 })
  const honest = await connected(network, 'honest')
  for (let i = 0; i < 3; i++) await connected(network, 'crowd')
  assert.equal(await network.connect('crowd'), undefined, 'an address takes nothing from itself')
  await connected(network, 'another')
  assert.deepEqual(network.addresses.sort(), ['another', 'crowd', 'crowd', 'honest'])
  assert.deepEqual(await honest.confirm(newEnvelope()), [])
})

test('there too what a peer sent in vain delays it, and new peers of its address, and nobody else', async t => {
  const node = await aNode(t)
  const network = new MemoryNetwork(node, { places: 16 })
  const noisy = await connected(network, 'noisy')
  await noisy.send(PacketCode.Messages, garbage)
  await until(() => node.limits.throttle.ofPeer(noisy.peer.toString()) > 0)
  node.limits.throttle.charge({ peer: noisy.peer.toString(), address: 'noisy' }, 12 * KIB * KIB)
  let confirmed = false
  // the packet after one that was judged waits
  await noisy.send(PacketCode.Messages, encodeMessages([newEnvelope().raw]))
  void noisy.confirm(newEnvelope()).then(
    () => {
      confirmed = true
    },
    () => {}
  )
  const honest = await connected(network, 'honest')
  for (let i = 0; i < 3; i++) assert.deepEqual(await honest.confirm(newEnvelope()), [])
  assert.equal(confirmed, false)
  noisy.channel.abort(new Error('the test is over'))
})

test('there too what is not read yet has one bound, and the largest of the most crowded address ends', async t => {
  const node = await aNode(t)
  const memory = new MemoryBudget(512 * KIB, event => node.limits.counts.add(event))
  const network = new MemoryNetwork(node, { places: 16, memory })
  const honest = await connected(network, 'honest')
  const crowd = await Promise.all([1, 2, 3].map(() => connected(network, 'crowd')))
  // nothing is judged meanwhile
  const { promise, resolve } = Promise.withResolvers<void>()
  const places = Array.from({ length: FIGURES.queues.packets }, (_, i) =>
    node.limits.packets.run({ peer: `blocker ${i}`, address: 'blocker' }, () => promise)
  )
  const large = new Uint8Array(100 * KIB)
  for (let round = 0; round < 4; round++)
    for (const peer of crowd) await peer.send(PacketCode.Messages, large).catch(() => {})
  const evicted = crowd.filter(({ channel }) => channel.gone)
  assert.ok(evicted.length >= 1)
  assert.equal(node.limits.counts.snapshot().evicted_stream, evicted.length)
  assert.equal(honest.channel.gone, false)
  resolve()
  await Promise.all(places)
  assert.deepEqual(await honest.confirm(newEnvelope()), [])
})
