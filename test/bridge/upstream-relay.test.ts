import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { UpstreamInit } from '../../src/bridge/upstream.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { parseTopic } from '../../src/wire/envelope/topic.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeRawRequest } from '../../src/wire/request/raw-request.js'
import { decodeAnyComplete } from '../../src/wire/request/string-complete.js'
import { legacyNode } from '../devp2p/legacy-node.js'
import { PacketPeer } from '../devp2p/packet-peer.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { until } from '../helpers/waku-node.js'
import { clientNode, rawRequester, serverNode } from '../libp2p/mail-nodes.js'
import { aRequest, KEY, sealPayload, sealRequest } from '../mailserver/request-maker.js'
import { type BridgeNode, bridgeNode } from './bridge-node.js'

const OLD = 1_600_000_000
const RED = parseTopic('0xaa000001')
/** Opens nothing at the bridge. */
const THEIRS = new Uint8Array(32).fill(0x33)

const hashesOf = (envelopes: readonly Envelope[]): string[] => envelopes.map(({ hashHex }) => hashHex)

function expired(count: number): Envelope[] {
  return Array.from({ length: count }, (_, i) => newEnvelope({ sent: OLD + i, topic: RED }))
}

/** Asks once, by hand. */
async function ask(t: TestContext, node: BridgeNode, request: Envelope) {
  const { requester } = await rawRequester(t, node)
  requester.request(request)
  const answer = await requester.answer()
  requester.stream.abort(new Error('that was all'))
  return answer
}

async function all(envelopes: AsyncIterable<Envelope>): Promise<Envelope[]> {
  const list: Envelope[] = []
  for await (const envelope of envelopes) list.push(envelope)
  return list
}

test('a libp2p client has the history of a libp2p server behind another: all of it, once, across pages [MAIL-06]', async t => {
  const server = await serverNode(t)
  const envelopes = expired(250)
  await server.archive.append(envelopes)
  const bridge = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(server)] })
  const client = await clientNode(t, [bridge])
  const query = { server: bridge.peerId, from: OLD, requestKey: KEY, pageSize: 60 }
  assert.deepEqual(hashesOf(await all(client.client.envelopes(query))), hashesOf(envelopes))
  assert.equal((await bridge.archive.stats()).envelopes, 0, 'nothing stays at the node between')
  assert.equal(bridge.waku.counters.snapshot().envelopes_accepted, 0)
  assert.equal(bridge.relay.tally.get('answers_complete'), 5)
})

for (const capability of ['waku/1', 'waku/0', 'shh/6'] as const) {
  test(`a libp2p client has the history of a ${capability} server: sg7, completion and cursor in list form [MAIL-06]`, async t => {
    const server = await legacyNode(t, { devp2p: { capabilities: [capability] } })
    const envelopes = expired(41)
    await server.archive.append(envelopes)
    const bridge = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(server)] })
    const client = await clientNode(t, [bridge])
    for (const dialect of ['sg7', 'spec6t'] as const) {
      const query = { server: bridge.peerId, from: OLD, topics: [RED], requestKey: KEY, pageSize: 20, dialect }
      assert.deepEqual(hashesOf(await all(client.client.envelopes(query))), hashesOf(envelopes), dialect)
    }
    assert.equal((await bridge.archive.stats()).envelopes, 0)
  })

  test(`a ${capability} client has the history of a libp2p server: its own forms of 0x7f and 0x7d [BR-06]`, async t => {
    const server = await serverNode(t)
    const envelopes = expired(41)
    await server.archive.append(envelopes)
    const bridge = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(server)] })
    const client = await legacyNode(t, { mailserver: false, devp2p: { capabilities: [capability] } })
    const peer = client.devp2p.addAddress(bridge.enode)
    await client.waku.connect(peer)
    await client.trust.add(peer)
    for (const dialect of ['sg7', 'spec6t'] as const) {
      const query = { server: peer, from: OLD, requestKey: KEY, pageSize: 20, dialect, network: 'devp2p' as const }
      assert.deepEqual(hashesOf(await all(client.client.envelopes(query))), hashesOf(envelopes), dialect)
    }
    assert.equal(bridge.relay.tally.get('answers_complete'), 6)
  })
}

test('an error of the upstream comes back as it was, in the form of the requester', async t => {
  const server = await legacyNode(t)
  const bridge = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(server)] })
  const wrongRange = sealRequest({ lower: 20, upper: 10 }, { dialect: 'sg7' })
  const { complete } = await ask(t, bridge, wrongRange)
  assert.equal(complete.error?.code, 5)
  assert.equal(complete.error?.text, 'query range is invalid: lower > upper')
  assert.deepEqual(complete.requestId, wrongRange.hash)
  assert.equal(bridge.relay.tally.get('answers_refused'), 1)
})

test('a raw form under a seal, which a libp2p server cannot read, is told to be undecryptable', async t => {
  const server = await serverNode(t)
  const bridge = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(server)] })
  for (const capability of ['shh/6', 'waku/0'] as const) {
    const peer = await PacketPeer.dial(t, bridge, capability)
    await peer.shakeHands()
    const request = sealPayload(encodeRawRequest(aRequest({ lower: OLD }), 'raw72'))
    await peer.send(PacketCode.Request, request.raw)
    const complete = decodeAnyComplete((await peer.find(PacketCode.RequestComplete)).body)
    assert.deepEqual(complete.requestId, request.hash)
    assert.equal(complete.error?.code, 2)
    assert.equal(complete.error?.text, 'failed to decrypt p2p request')
  }
  assert.equal(server.server.tally.get('refused_malformed'), 2)
  const { complete } = await ask(t, bridge, sealPayload(Uint8Array.of(1, 2, 3)))
  assert.equal(complete.error?.code, 1, 'what a libp2p requester seals is malformed')
})

test('only who was named is served: others are told that nobody here reads their request', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(3))
  const client = await clientNode(t, [])
  const bridge = await bridgeNode(t, {
    requestKey: THEIRS,
    upstreams: node => [node.upstream(server)],
    allows: peer => peer.equals(client.libp2p.peerId)
  })
  await client.libp2p.dial(bridge.libp2p.getMultiaddrs())
  await client.trust.add(bridge.peerId)
  const query = { server: bridge.peerId, from: OLD, requestKey: KEY }
  assert.equal((await all(client.client.envelopes(query))).length, 3)
  const stranger = await clientNode(t, [bridge])
  await assert.rejects(all(stranger.client.envelopes(query)), { name: 'RequestError', code: 2 })
  assert.equal(server.server.tally.get('requests'), 1, 'nothing of the stranger went on')
})

test('what a key of its own opens is answered by the node itself', async t => {
  const server = await serverNode(t)
  const bridge = await bridgeNode(t, { requestKey: KEY, upstreams: node => [node.upstream(server)] })
  const envelopes = expired(2)
  await bridge.archive.append(envelopes)
  const client = await clientNode(t, [bridge])
  const query = { server: bridge.peerId, from: OLD, requestKey: KEY }
  assert.deepEqual(hashesOf(await all(client.client.envelopes(query))), hashesOf(envelopes))
  assert.equal(server.server.tally.get('requests'), 0)
})

test('a short peer and requests dated 0 go to no libp2p upstream, but to a devp2p one', async t => {
  const far = await serverNode(t)
  const near = await legacyNode(t)
  await far.archive.append(expired(2))
  await near.archive.append(expired(3))
  const dated0 = (ttl = 0) => sealRequest({ lower: OLD }, { dialect: 'spec5', expiry: 0, ttl })
  const through = async (upstreams: 'far' | 'near', request = dated0()) => {
    const bridge = await bridgeNode(t, {
      requestKey: THEIRS,
      mailserver: { policies: { libp2p: { fresh: false } } },
      upstreams: node => [node.upstream(upstreams === 'far' ? far : near)]
    })
    return { ...(await ask(t, bridge, request)), bridge }
  }
  for (const request of [dated0(), dated0(10)]) {
    const refused = await through('far', request)
    assert.equal(refused.complete.error?.code, 2)
    assert.equal(refused.bridge.relay.tally.get('requests_unforwardable'), 1)
  }
  assert.equal(far.server.tally.get('requests'), 0)
  const answered = await through('near')
  assert.equal(answered.envelopes.length, 3)
})

test('two nodes upstream of each other: what one asks the other goes no further', async t => {
  const privateKey = await generateKeyPair('secp256k1')
  const peer = peerIdFromPrivateKey(privateKey)
  const first = await bridgeNode(t, {
    requestKey: THEIRS,
    upstreams: node => [{ peer, network: 'libp2p', dial: options => node.upstream(second).dial(options) }]
  })
  const second: BridgeNode = await bridgeNode(t, {
    privateKey,
    requestKey: THEIRS,
    upstreams: node => [node.upstream(first)]
  })
  assert.equal((await ask(t, first, sealRequest())).complete.error?.code, 2)
  assert.equal(first.relay.tally.get('requests_forwarded'), 1)
  assert.equal(second.relay.tally.get('loops'), 1)
  assert.equal(second.relay.tally.get('requests_forwarded'), 0)
})

test('three nodes in a circle: the request ends where it has been', async t => {
  const privateKey = await generateKeyPair('secp256k1')
  const peer = peerIdFromPrivateKey(privateKey)
  const first = await bridgeNode(t, {
    requestKey: THEIRS,
    // legacy clients may send a request twice, so that is no reason to refuse it
    mailserver: { policies: { libp2p: { fresh: false } } },
    upstreams: node => [{ peer, network: 'libp2p', dial: options => node.upstream(second).dial(options) }]
  })
  const third = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(first)] })
  const second: BridgeNode = await bridgeNode(t, {
    privateKey,
    requestKey: THEIRS,
    upstreams: node => [node.upstream(third)]
  })
  assert.equal((await ask(t, first, sealRequest())).complete.error?.code, 2)
  assert.equal(first.mailserver.counts.requests, 2)
  assert.equal(first.relay.tally.get('loops'), 1)
  assert.equal(first.relay.tally.get('requests_forwarded'), 1)
})

test('with two upstreams the next is asked when one is gone, or cannot read the request', async t => {
  const gone = await serverNode(t)
  const other = await serverNode(t)
  await other.archive.append(expired(4))
  const foreign = await bridgeNode(t, { requestKey: THEIRS })
  const bridge = await bridgeNode(t, {
    requestKey: THEIRS,
    upstreams: node => [node.upstream(gone), node.upstream(foreign), node.upstream(other)]
  })
  await gone.libp2p.stop()
  const client = await clientNode(t, [bridge])
  const query = { server: bridge.peerId, from: OLD, requestKey: KEY }
  assert.equal((await all(client.client.envelopes(query))).length, 4)
  assert.equal(bridge.relay.tally.get('upstreams_unreachable'), 1)
  assert.equal((await all(client.client.envelopes(query))).length, 4)
  assert.equal(bridge.relay.tally.get('upstreams_unreachable'), 1, 'who failed is asked last')
})

test('while no upstream can be reached nobody here reads the request', async t => {
  const gone = await serverNode(t)
  const bridge = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(gone)] })
  await gone.libp2p.stop()
  assert.equal((await ask(t, bridge, sealRequest())).complete.error?.code, 2)
})

/** An upstream that a connection to is never refused and never there. */
const unanswered = (): UpstreamInit => ({
  peer: new NodeKey().peerId,
  network: 'libp2p',
  dial: ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
})

test('upstreams that do not answer a dial leave time to ask one that does', async t => {
  const alive = await serverNode(t)
  await alive.archive.append(expired(3))
  const upstreams = (node: BridgeNode) => [unanswered(), unanswered(), node.upstream(alive)]
  const patient = await bridgeNode(t, { requestKey: THEIRS, upstreams })
  assert.equal((await ask(t, patient, sealRequest({ lower: OLD }))).envelopes.length, 3)
  assert.equal(patient.relay.tally.get('upstreams_unreachable'), 2)
})

test('when dialling took all the time, not everyone was asked: error 12', async t => {
  const bridge = await bridgeNode(t, {
    requestKey: THEIRS,
    upstreams: () => [
      { ...unanswered(), dial: () => setTimeout(300).then(() => Promise.reject(new Error('too late'))) }
    ],
    relay: { firstTimeout: 100 }
  })
  assert.equal((await ask(t, bridge, sealRequest())).complete.error?.code, 12)
})

test('nothing that passes through reaches filters, archive or peers of the node between [MAIL-06 BR-03]', async t => {
  const server = await serverNode(t)
  await server.archive.append([newEnvelope(), newEnvelope()])
  const bridge = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(server)] })
  const heard: unknown[] = []
  bridge.waku.subscribe({ historic: true }, message => heard.push(message))
  const bystander = await legacyNode(t)
  const peer = bystander.devp2p.addAddress(bridge.enode)
  await bystander.waku.connect(peer)
  const client = await clientNode(t, [bridge])
  const query = { server: bridge.peerId, from: OLD, requestKey: KEY }
  assert.equal((await all(client.client.envelopes(query))).length, 2)
  // what is posted now comes after what would have been passed on
  const marker = newEnvelope()
  await bridge.waku.post({ envelope: marker }, { timeout: 1000 })
  await until(() => bystander.waku.counters.snapshot().envelopes_received > 0)
  assert.equal(bystander.waku.counters.snapshot().envelopes_received, 1)
  assert.equal(heard.length, 1, 'the marker')
  // it is offered before it is on disk
  await until(() => bridge.waku.counters.snapshot().envelopes_stored > 0)
  assert.equal((await bridge.archive.stats()).envelopes, 1)
})
