import assert from 'node:assert/strict'
import { Devp2pService } from '../../src/devp2p/devp2p-service.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import type { ReceivedMessage } from '../../src/waku/subscription.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import type { LegacyNode } from '../devp2p/legacy-node.js'
import { silentLogger } from '../helpers/logger.js'
import { join, type TestNode, until, wakuNode } from '../helpers/waku-node.js'
import { type Cell, type CellScope, CONTENT_PASSWORD } from './cell.js'
import { type GoPeer, hashesIn } from './go-peer.js'
import { KINDS, type Kind, nameOf, startNode, startPeer, theyDial, weDial } from './our-node.js'

const TOPIC = 'relay'
/** What deployed nodes take: proof of work and lifetime (Status usage specification). */
const POST = { pow: 0.002, ttl: 60 }

/** Live envelopes of theirs reach us, once, and are confirmed where they ask for it. */
const toUs: Cell[] = KINDS.map(kind => ({
  name: `relay: ${nameOf(kind)} to us`,
  run: async scope => {
    const peer = await startPeer(scope, kind)
    const node = await startNode(scope)
    const messages: ReceivedMessage[] = []
    node.waku.subscribe({ key: scope.contentKey }, message => messages.push(message))
    await theyDial(peer, node, kind)
    const hashes = await theyPost(peer, kind, 5)
    await until(() => messages.length >= 5, 10_000)
    assert.deepEqual(messages.map(({ envelope }) => envelope.hashHex).sort(), hashes.sort())
    if (kind.program === 'statusgo') {
      // its library knows no batch of a peer from whose Status it read nothing, and still tells of the confirmations
      const batch = peer.all('gossip', { dir: 'out' })[0]?.batch
      const response = await peer.awaitEvent('ack', { batch, form: 'message-response' })
      assert.deepEqual(response.errors ?? [], [])
      await peer.awaitEvent('ack', { batch, form: 'batch-ack' })
    }
    await archived(node, 5)
    return `${messages.length} envelopes${kind.program === 'statusgo' ? ', confirmed' : ''}`
  }
}))

/** Live envelopes of ours reach them, once. */
const toThem: Cell[] = KINDS.map(kind => ({
  name: `relay: us to ${nameOf(kind)}`,
  run: async scope => {
    const peer = await startPeer(scope, kind)
    const node = await startNode(scope)
    await weDial(node, peer, kind)
    await listen(peer, kind)
    const posted: string[] = []
    for (let i = 0; i < 5; i++) {
      const payload = new TextEncoder().encode(`hello ${i}`)
      const { envelope, confirmed } = await node.waku.post({
        topic: topicFromName(TOPIC),
        payload,
        key: scope.contentKey,
        ...POST
      })
      if (kind.program === 'statusgo') assert.equal(confirmed.length, 1)
      posted.push(envelope.hashHex)
    }
    for (const hash of posted) await peer.awaitEvent('message', { hash: `0x${hash}` })
    assert.deepEqual(peer.all('message').length, 5)
    return '5 envelopes'
  }
}))

/** Two of them, of the same or of different kinds, hear each other through us, each envelope once. */
const through: Cell[] = KINDS.flatMap(left =>
  KINDS.map(right => ({
    name: `relay: ${nameOf(left)} through us to ${nameOf(right)}`,
    run: async (scope: CellScope) => {
      const from = await startPeer(scope, left)
      const to = await startPeer(scope, right)
      const node = await startNode(scope)
      await theyDial(from, node, left)
      await weDial(node, to, right)
      await listen(to, right)
      const hashes = await theyPost(from, left, 3)
      for (const hash of hashes) await to.awaitEvent('message', { hash: `0x${hash}` })
      await settle(to, right)
      assert.equal(to.all('message').length, 3)
      assert.deepEqual(gossip(to, 'in').sort(), hashes.sort(), 'each came once')
      assert.deepEqual(gossip(from, 'in'), [], 'nothing went back')
      await archived(node, 3)
      return '3 envelopes'
    }
  }))
)

/** A libp2p peer and one of them hear each other through us. */
const acrossNetworks: Cell[] = KINDS.map(kind => ({
  name: `relay: ${nameOf(kind)} and a libp2p peer, both ways`,
  run: async scope => {
    const peer = await startPeer(scope, kind)
    const bridge = await libp2pNode(scope)
    const far = await libp2pNode(scope)
    await join(far, bridge)
    const key = new NodeKey()
    const devp2p = new Devp2pService(
      { logger: silentLogger(), services: () => ({ waku: bridge.waku }) },
      { key, listen: [{ host: '127.0.0.1', port: 0 }] }
    )
    await devp2p.start()
    scope.after(() => devp2p.stop())
    await peer.do('dial', { enode: devp2p.enode })
    await peer.awaitEvent('peer', { capability: kind.capability })
    await listen(peer, kind)
    const messages: ReceivedMessage[] = []
    far.waku.subscribe({ key: scope.contentKey }, message => messages.push(message))
    const hashes = await theyPost(peer, kind, 3)
    await until(() => messages.length >= 3, 10_000)
    assert.deepEqual(messages.map(({ envelope }) => envelope.hashHex).sort(), hashes.sort())
    const payload = new TextEncoder().encode('from libp2p')
    const { envelope } = await far.waku.post({
      topic: topicFromName(TOPIC),
      payload,
      key: scope.contentKey,
      ...POST
    })
    await peer.awaitEvent('message', { hash: `0x${envelope.hashHex}` })
    assert.deepEqual(gossip(peer, 'in'), [envelope.hashHex], 'its own did not come back')
    return '3 envelopes out, 1 in'
  }
}))

/** One that speaks both families is heard on either and spoken to on waku. */
const bothFamilies: Cell = {
  name: 'relay: statusgo shh/6 and waku/0 on one connection',
  run: async scope => {
    const peer = await startPeer(
      scope,
      { program: 'statusgo', capability: 'waku/0' },
      { capability: ['shh/6', 'waku/0'] }
    )
    const node = await startNode(scope)
    const messages: string[] = []
    node.waku.subscribe({ key: scope.contentKey }, ({ envelope }) => messages.push(envelope.hashHex))
    await theyDial(peer, node, { program: 'statusgo', capability: 'shh/6' })
    await peer.awaitEvent('peer', { capability: 'waku/0' })
    const posted: string[] = []
    for (const capability of ['shh/6', 'waku/0'] as const) {
      posted.push(...(await theyPost(peer, { program: 'statusgo', capability }, 2)))
    }
    await until(() => messages.length >= 4, 10_000)
    assert.deepEqual(messages.sort(), posted.sort())
    await listen(peer, { program: 'statusgo', capability: 'waku/0' })
    const payload = new TextEncoder().encode('once')
    const { envelope } = await node.waku.post({
      topic: topicFromName(TOPIC),
      payload,
      key: scope.contentKey,
      ...POST
    })
    await peer.awaitEvent('message', { hash: `0x${envelope.hashHex}` })
    assert.deepEqual(
      peer.all('gossip', { dir: 'in' }).map(({ capability, hashes }) => [capability, hashesIn(hashes)]),
      [['waku/0', [envelope.hashHex]]]
    )
    return '4 envelopes in, 1 out'
  }
}

export const relayCells: Cell[] = [...toUs, ...toThem, ...through, ...acrossNetworks, bothFamilies]

async function theyPost(peer: GoPeer, { capability }: Kind, count: number): Promise<string[]> {
  const { hashes } = await peer.do('post', {
    capability,
    password: CONTENT_PASSWORD,
    topic: TOPIC,
    text: `hello over ${capability}`,
    count,
    ...POST
  })
  return hashesIn(hashes)
}

async function listen(peer: GoPeer, { capability }: Kind): Promise<void> {
  await peer.do('subscribe', { capability, password: CONTENT_PASSWORD, topics: [TOPIC] })
}

/** Hashes of live envelopes that passed a peer, in order. */
function gossip(peer: GoPeer, dir: 'in' | 'out'): string[] {
  return peer.all('gossip', { dir }).flatMap(({ hashes }) => hashesIn(hashes))
}

/** Everything that was sent before is through: what the peer asks of itself comes after. */
async function settle(peer: GoPeer, { capability }: Kind): Promise<void> {
  await peer.do('pool', { capability })
}

/** So many envelopes get into the archive, and no more. */
async function archived(node: LegacyNode, count: number): Promise<void> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const { envelopes } = await node.archive.stats()
    if (envelopes >= count || Date.now() > deadline) return assert.equal(envelopes, count)
    await new Promise(resolve => setImmediate(resolve))
  }
}

async function libp2pNode(scope: CellScope): Promise<TestNode> {
  const node = await wakuNode({ pow: 0.000_01 })
  scope.after(() => node.stop())
  return node
}
