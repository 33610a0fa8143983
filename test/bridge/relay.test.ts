import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { topicBloom } from '../../src/wire/envelope/bloom.js'
import { type Envelope, encodeEnvelope, encodeShortRlp } from '../../src/wire/envelope/envelope.js'
import { mineRange, miningBits, powOf } from '../../src/wire/envelope/pow.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import type { Capability } from '../../src/wire/request/dialect.js'
import { type LegacyNode, legacyNode } from '../devp2p/legacy-node.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { type TestNode, until, wakuNode } from '../helpers/waku-node.js'
import { aPeer, TestRequest } from '../mailserver/fixture.js'
import { KEY, sealRequest } from '../mailserver/request-maker.js'
import { type BridgeNode, type BridgeNodeInit, bridgeNode } from './bridge-node.js'

const RED = Uint8Array.of(0xaa, 0, 0, 1)
const BLUE = Uint8Array.of(0xbb, 0, 0, 2)
const CAPABILITIES: Capability[] = ['waku/1', 'waku/0', 'shh/6']

/** A peer of any network and what it heard, raw bytes and all. */
interface Listener {
  name: string
  heard: Envelope[]
  received(): number
  post(envelope: Envelope): Promise<unknown>
}

function listen(name: string, { waku }: Pick<TestNode | LegacyNode, 'waku'>): Listener {
  const heard: Envelope[] = []
  waku.subscribe({}, ({ envelope }) => heard.push(envelope))
  return {
    name,
    heard,
    received: () => waku.counters.snapshot().envelopes_received,
    post: envelope => waku.post({ envelope })
  }
}

async function libp2pPeer(t: TestContext, bridge: BridgeNode, init: Parameters<typeof wakuNode>[0] = {}) {
  const node = await wakuNode({ pow: 0, ...init })
  t.after(() => node.stop())
  await node.libp2p.dial(bridge.libp2p.getMultiaddrs())
  await node.waku.connect(bridge.peerId)
  await until(() => bridge.waku.peers().some(({ peer }) => peer.equals(node.libp2p.peerId)))
  return node
}

async function legacyPeer(t: TestContext, bridge: BridgeNode, capability: Capability, init: object = {}) {
  const node = await legacyNode(t, { waku: init, devp2p: { capabilities: [capability] } })
  await node.waku.connect(node.devp2p.addAddress(bridge.enode))
  await until(() => bridge.waku.peers().some(({ peer }) => peer.equals(node.key.peerId)))
  return node
}

/** A node with a peer of each network. */
async function world(t: TestContext, init: BridgeNodeInit = {}) {
  const bridge = await bridgeNode(t, init)
  const listeners = [
    listen('libp2p', await libp2pPeer(t, bridge)),
    ...(await Promise.all(CAPABILITIES.map(async name => listen(name, await legacyPeer(t, bridge, name)))))
  ]
  return { bridge, listeners }
}

const hashesOf = (envelopes: readonly Envelope[]): string[] => envelopes.map(({ hashHex }) => hashHex).sort()

test('what any peer posts reaches every other one, of each network, as the same bytes, once, and is archived once [BR-01 BR-02 BR-05]', async t => {
  const { bridge, listeners } = await world(t)
  const posted: Envelope[] = []
  for (const listener of listeners) {
    const envelope = newEnvelope()
    posted.push(envelope)
    await listener.post(envelope)
  }
  for (const { heard, name, received } of listeners) {
    await until(() => heard.length === posted.length)
    assert.deepEqual(hashesOf(heard), hashesOf(posted), name)
    for (const { raw, hashHex } of heard) {
      assert.deepEqual(raw, posted.find(other => other.hashHex === hashHex)?.raw, name)
    }
    assert.equal(received(), posted.length - 1, `${name}: its own does not come back, nothing comes twice`)
  }
  assert.equal((await bridge.archive.stats()).envelopes, posted.length)
  // from the other side once more: known, stored once
  await listeners[1]?.post(posted[0] as Envelope)
  assert.equal((await bridge.archive.stats()).envelopes, posted.length)
})

test('a legacy client fetches what a libp2p peer posted, from the one archive [BR-05]', async t => {
  const { bridge, listeners } = await world(t)
  const envelope = newEnvelope()
  await listeners[0]?.post(envelope)
  const request = new TestRequest(await aPeer(), sealRequest({}, { key: KEY }), 'devp2p')
  await bridge.mailserver.handle(request)
  assert.deepEqual(request.hashes, [envelope.hashHex])
})

test('two bridges between the same networks: everybody hears it, nobody tells it for ever [BR-02]', async t => {
  const first = await bridgeNode(t)
  const second = await bridgeNode(t)
  const modern = await libp2pPeer(t, first)
  await modern.libp2p.dial(second.libp2p.getMultiaddrs())
  await modern.waku.connect(second.peerId)
  const legacy = await legacyPeer(t, first, 'waku/1')
  await legacy.waku.connect(legacy.devp2p.addAddress(second.enode))
  const nodes = [first.waku, second.waku, modern.waku, legacy.waku]
  const seen = nodes.map(() => 0)
  nodes.forEach((waku, i) => {
    waku.subscribe({}, () => {
      seen[i] = (seen[i] ?? 0) + 1
    })
  })
  const envelope = newEnvelope()
  await modern.waku.post({ envelope })
  await until(() => seen.every(count => count === 1))
  // in a ring of four an envelope crosses each edge at most once in each direction
  const marker = newEnvelope()
  await legacy.waku.post({ envelope: marker })
  await until(() => seen.every(count => count === 2))
  const received = nodes.reduce((sum, waku) => sum + waku.counters.snapshot().envelopes_received, 0)
  assert.ok(received <= 2 * 8, `${received}`)
  for (const { archive } of [first, second]) assert.equal((await archive.stats()).envelopes, 2)
})

test('history from a mailserver is bridged to nobody and archived nowhere [BR-03 MAIL-06]', async t => {
  const { bridge, listeners } = await world(t)
  const server = await legacyNode(t)
  // still alive: only the way it came keeps it from being told on
  const old = [newEnvelope({ ttl: 600 }), newEnvelope({ ttl: 600 })]
  await server.archive.append(old)
  const peer = bridge.devp2p.addAddress(server.enode)
  await bridge.mailclient.trust.add(peer)
  const query = { server: peer, network: 'devp2p' as const, from: unixNow() - 60, requestKey: KEY }
  const fetched: Envelope[] = []
  for await (const envelope of bridge.mailclient.envelopes(query)) fetched.push(envelope)
  assert.deepEqual(hashesOf(fetched), hashesOf(old))
  const marker = newEnvelope()
  await bridge.waku.post({ envelope: marker })
  for (const { heard, name, received } of listeners) {
    await until(() => heard.length > 0)
    assert.deepEqual(hashesOf(heard), [marker.hashHex], name)
    assert.equal(received(), 1, name)
  }
  await until(() => bridge.waku.counters.snapshot().envelopes_stored > 0)
  assert.equal((await bridge.archive.stats()).envelopes, 1)
})

test('0x7f that nobody asked for goes nowhere [BR-03]', async t => {
  const { bridge, listeners } = await world(t)
  const [libp2p, legacy] = listeners
  const envelope = newEnvelope({ ttl: 600 })
  const stranger = await legacyPeer(t, bridge, 'waku/1')
  const [connection] = stranger.devp2p.connections
  const [stream] = connection?.streams ?? []
  await stream?.send(0x7f, encodeMessages([envelope.raw]))
  const marker = newEnvelope()
  await stranger.waku.post({ envelope: marker })
  for (const listener of [libp2p, legacy]) {
    await until(() => (listener?.heard.length ?? 0) > 0)
    assert.deepEqual(hashesOf(listener?.heard ?? []), [marker.hashHex])
  }
  assert.equal((await bridge.archive.stats()).envelopes, 1)
  assert.equal(bridge.devp2p.tally.get('answers_unasked'), 1)
})

test('a light node bridges nothing but its own [BR-03]', async t => {
  const bridge = await bridgeNode(t, { waku: { light: true } })
  const modern = await libp2pPeer(t, bridge)
  const legacy = await legacyPeer(t, bridge, 'waku/1')
  const heard = listen('waku/1', legacy)
  const envelope = newEnvelope()
  await modern.waku.post({ envelope })
  const own = newEnvelope()
  await bridge.waku.post({ envelope: own })
  await until(() => heard.heard.length > 0)
  assert.deepEqual(hashesOf(heard.heard), [own.hashHex])
  assert.equal(heard.received(), 1)
})

/** An envelope with at least this proof of work. */
function mined(pow: number, fields: { topic?: Uint8Array } = {}): Envelope {
  const draft = newEnvelope({ ttl: 10, data: new Uint8Array(64), ...fields })
  const { expiry, ttl, topic } = draft
  const short = { expiry, ttl, topic, data: crypto.getRandomValues(new Uint8Array(64)) }
  const nonce = mineRange(encodeShortRlp(short), miningBits(short, pow), 0n, 1 << 22)
  assert.ok(nonce !== undefined)
  return encodeEnvelope({ ...short, nonce })
}

/** An envelope with less than this proof of work: what is not mined has enough of it now and then. */
function unmined(pow: number, fields: { topic: Uint8Array }): Envelope {
  let envelope: Envelope
  do envelope = newEnvelope({ ttl: 10, ...fields })
  while (powOf(envelope) >= pow)
  return envelope
}

for (const capability of CAPABILITIES) {
  test(`${capability}: what goes to the other side keeps to its proof of work and bloom filter, also when they change [BR-04]`, async t => {
    const bridge = await bridgeNode(t)
    const modern = await libp2pPeer(t, bridge)
    const legacy = await legacyPeer(t, bridge, capability, { pow: 0.5, bloom: topicBloom(RED) })
    const { heard, received } = listen(capability, legacy)
    const weak = unmined(0.5, { topic: RED })
    const foreign = mined(0.5, { topic: BLUE })
    const fine = mined(0.5, { topic: RED })
    for (const envelope of [weak, foreign, fine]) await modern.waku.post({ envelope })
    await until(() => heard.length > 0)
    assert.deepEqual(hashesOf(heard), [fine.hashHex])
    assert.equal(received(), 1, 'what it does not want is not even sent')
    await legacy.waku.updateStatus({ pow: 0 })
    await until(() => heard.length === 2)
    assert.deepEqual(hashesOf(heard), hashesOf([fine, weak]))
  })
}

test('a libp2p peer that wants exact topics is told those alone, wherever they come from [BR-04]', async t => {
  const bridge = await bridgeNode(t)
  const modern = await libp2pPeer(t, bridge, { topics: [RED] })
  const { heard, received } = listen('libp2p', modern)
  for (const capability of CAPABILITIES) {
    const legacy = await legacyPeer(t, bridge, capability)
    await legacy.waku.post({ envelope: newEnvelope({ topic: BLUE }) })
    await legacy.waku.post({ envelope: newEnvelope({ topic: RED }) })
  }
  await until(() => heard.length === CAPABILITIES.length)
  assert.equal(received(), CAPABILITIES.length)
})

test('what expired is bridged to nobody, what is dated ahead when its time has come [BR-04]', async t => {
  let now = unixNow()
  const bridge = await bridgeNode(t, { waku: { now: () => now } })
  const modern = await libp2pPeer(t, bridge, { maxTtl: 10 })
  const soon = newEnvelope({ ttl: 5 })
  await modern.waku.post({ envelope: soon })
  await until(() => bridge.waku.counters.snapshot().envelopes_accepted === 1)
  now += 6
  const legacy = await legacyPeer(t, bridge, 'shh/6', { now: () => now })
  const { heard, received } = listen('shh/6', legacy)
  const ahead = newEnvelope({ sent: now + 8, ttl: 60 })
  await bridge.waku.post({ envelope: newEnvelope({ sent: now, ttl: 60 }) })
  await until(() => heard.length === 1)
  await bridge.waku.post({ envelope: ahead })
  await bridge.waku.post({ envelope: newEnvelope({ sent: now, ttl: 60 }) })
  await until(() => heard.length === 2)
  assert.equal(received(), 2, 'neither the expired one nor the one whose time has not come')
  now += 9
  await until(() => heard.length === 3)
  assert.equal(heard[2]?.hashHex, ahead.hashHex, 'its time came')
})
