import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '../../src/wire/bytes.js'
import { bloomOf } from '../../src/wire/envelope/bloom.js'
import { powOf } from '../../src/wire/envelope/pow.js'
import { WishCode } from '../../src/wire/packet/legacy-status.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { powBits } from '../../src/wire/packet/status.js'
import type { Capability } from '../../src/wire/request/dialect.js'
import { encodeHistoryRequest } from '../../src/wire/request/history-request.js'
import { decodeAnyComplete } from '../../src/wire/request/string-complete.js'
import { children, decodeList, encodeUint, type RlpItem } from '../../src/wire/rlp.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { until } from '../helpers/waku-node.js'
import { aRequest, sealPayload } from '../mailserver/request-maker.js'
import { legacyNode, meet } from './legacy-node.js'
import { PacketPeer, STATUS } from './packet-peer.js'

const RED = Uint8Array.of(0xaa, 0, 0, 1)

test('every version is offered and the highest one that both know is spoken, downwards too [WAKU-57] [WAKU-58] [WAKU-63] [WAKU-03]', async t => {
  const node = await legacyNode(t)
  const cases: [Capability[], Capability][] = [
    [['waku/1', 'waku/0'], 'waku/1'],
    [['waku/0'], 'waku/0'],
    [['waku/1'], 'waku/1'],
    [['shh/6'], 'shh/6']
  ]
  for (const [offered, spoken] of cases) {
    const peer = await PacketPeer.dial(t, node, spoken, { offered })
    const names = peer.connection.hello.capabilities.map(({ name, version }) => `${name}/${version}`)
    assert.deepEqual(names.sort(), ['shh/6', 'waku/0', 'waku/1'])
    const status = await peer.shakeHands()
    assert.equal(STATUS[spoken].decodeStatus(status).confirmations, true)
    await until(() => node.waku.peers().length === 1)
    peer.connection.abort(new Error('done'))
    await until(() => node.waku.peers().length === 0)
  }
})

test('a peer that speaks both families is heard and answered on either, and sent each envelope once, over waku [BR-01] [BR-02]', async t => {
  const node = await legacyNode(t)
  const shh = await PacketPeer.dial(t, node, 'shh/6', { offered: ['shh/6', 'waku/1', 'waku/0'] })
  const waku = shh.beside('waku/1')
  await Promise.all([shh.shakeHands(), waku.shakeHands()])
  await until(() => node.waku.peers().length === 1)
  const other = await PacketPeer.dial(t, node, 'shh/6')
  await other.shakeHands()

  const [one, two, three] = [newEnvelope(), newEnvelope(), newEnvelope()]
  for (const [peer, envelope] of [
    [shh, one],
    [waku, two]
  ] as const) {
    await peer.send(PacketCode.Messages, encodeMessages([envelope.raw]))
    await peer.find(PacketCode.BatchAck)
    assert.equal(toHex((await other.find(PacketCode.Messages)).body), toHex(encodeMessages([envelope.raw])))
  }
  await other.send(PacketCode.Messages, encodeMessages([one.raw, two.raw, three.raw]))
  await other.find(PacketCode.BatchAck)
  assert.equal(toHex((await waku.find(PacketCode.Messages)).body), toHex(encodeMessages([three.raw])))
  for (const peer of [shh, waku]) {
    const request = sealPayload(encodeHistoryRequest(aRequest(), 'sg7'))
    await peer.send(PacketCode.Request, request.raw)
    const complete = decodeAnyComplete((await peer.find(PacketCode.RequestComplete)).body)
    assert.equal(toHex(complete.requestId), request.hashHex)
  }
  const live = shh.received.filter(({ code }) => code === PacketCode.Messages)
  assert.deepEqual(live, [], 'nothing over the other family')
  assert.equal((await node.archive.stats()).envelopes, 3)
})

test('the Status of both families is sent at once, in whatever order the peer shakes hands [WAKU-17]', async t => {
  const node = await legacyNode(t)
  const shh = await PacketPeer.dial(t, node, 'shh/6', { offered: ['shh/6', 'waku/1'] })
  const waku = shh.beside('waku/1')
  await waku.shakeHands()
  await shh.shakeHands()
  await until(() => node.waku.peers().length === 1)

  const other = await PacketPeer.dial(t, node, 'shh/6', { offered: ['shh/6', 'waku/1'] })
  const late = other.beside('waku/1')
  await other.shakeHands()
  await other.send(PacketCode.Messages, encodeMessages([newEnvelope().raw]))
  await other.find(PacketCode.BatchAck)
  await late.shakeHands()
  await until(() => node.waku.peers().length === 2)
})

test('what waits for a peer of both families is sent to it over waku, as it wishes there [BR-02]', async t => {
  const node = await legacyNode(t)
  const [red, blue] = [newEnvelope({ topic: RED }), newEnvelope()]
  await node.waku.post({ envelope: blue })
  await node.waku.post({ envelope: red })
  const shh = await PacketPeer.dial(t, node, 'shh/6', { offered: ['shh/6', 'waku/1'] })
  const waku = shh.beside('waku/1')
  await shh.shakeHands()
  await waku.shakeHands({ bloom: bloomOf([RED]) })
  assert.equal(toHex((await waku.find(PacketCode.Messages)).body), toHex(encodeMessages([red.raw])))
  const request = sealPayload(encodeHistoryRequest(aRequest(), 'sg7'))
  await shh.send(PacketCode.Request, request.raw)
  await shh.find(PacketCode.RequestComplete)
  assert.ok(!shh.received.some(({ code }) => code === PacketCode.Messages))
})

test('the Status for Whisper has all its items, and asks for no more proof of work than deployed nodes bring [SHH-06] [SHH-08] [USE-01]', async t => {
  const node = await legacyNode(t, { waku: { pow: undefined } })
  const peer = await PacketPeer.dial(t, node, 'shh/6')
  const status = decodeList(await peer.shakeHands())
  assert.equal(status.length, 6)
  assert.equal(children(status[5] as RlpItem).length, 3)
  const { pow } = STATUS['shh/6'].decodeStatus(peer.received[0]?.body as Uint8Array)
  assert.ok((pow as number) <= 0.000_01)
  await until(() => node.waku.peers().length === 1)
  const posted = await node.waku.post(
    { topic: RED, payload: new Uint8Array(1000), key: new Uint8Array(32).fill(1), pow: 0.002, ttl: 10 },
    { timeout: 1 }
  )
  assert.ok(powOf(posted.envelope) >= 0.002)
  await peer.find(PacketCode.Messages)
})

for (const capability of ['shh/6', 'waku/0'] as const) {
  test(`${capability}: wishes said with the codes 2 and 3 are kept, from the next packet on [SHH-02] [SHH-05] [BR-04]`, async t => {
    const node = await legacyNode(t, { devp2p: { capabilities: [capability] } })
    const peer = await PacketPeer.dial(t, node, capability)
    await peer.shakeHands({ pow: 0 })
    await peer.send(WishCode.pow, encodeUint(powBits(1e9)))
    await until(() => node.waku.peers()[0]?.status.pow === 1e9)
    await node.waku.post({ envelope: newEnvelope() })
    await peer.send(WishCode.pow, encodeUint(powBits(0)))
    await peer.send(WishCode.bloom, Uint8Array.of(0xb8, 0x40, ...bloomOf([RED])))
    await until(() => node.waku.peers()[0]?.status.pow === 0)
    await node.waku.post({ envelope: newEnvelope({ topic: Uint8Array.of(9, 9, 9, 9) }) })
    const red = newEnvelope({ topic: RED })
    await node.waku.post({ envelope: red }, { timeout: 1 })
    assert.equal(toHex((await peer.find(PacketCode.Messages)).body), toHex(encodeMessages([red.raw])))
  })

  test(`${capability}: what this node wishes is said with the codes 2 and 3 [SHH-02] [BR-04]`, async t => {
    const node = await legacyNode(t, { devp2p: { capabilities: [capability] } })
    const peer = await PacketPeer.dial(t, node, capability)
    await peer.shakeHands()
    await until(() => node.waku.peers().length === 1)
    await node.waku.updateStatus({ pow: 0.5, bloom: bloomOf([RED]) })
    assert.equal(toHex((await peer.find(WishCode.pow)).body), toHex(encodeUint(powBits(0.5))))
    assert.equal(toHex((await peer.find(WishCode.bloom)).body), `b840${toHex(bloomOf([RED]))}`)
  })

  test(`${capability}: announced rate limits are kept in mind [SHH-07]`, async t => {
    const node = await legacyNode(t, { devp2p: { capabilities: [capability] } })
    const peer = await PacketPeer.dial(t, node, capability)
    await peer.shakeHands()
    await peer.send(WishCode.rateLimits, Uint8Array.of(0xc3, 0x0a, 0x05, 0x80))
    await until(() => node.waku.peers()[0]?.status.packetLimits?.ip === 10)
    assert.deepEqual(node.waku.peers()[0]?.status.packetLimits, { ip: 10, peer: 5, topic: 0 })
  })
}

test('a peer with the early Status of waku/0 is told once more what this node wishes', async t => {
  const node = await legacyNode(t, { waku: { bloom: bloomOf([RED]), pow: 0.25 } })
  const peer = await PacketPeer.dial(t, node, 'waku/0')
  await peer.send(PacketCode.Status, Uint8Array.of(0xc9, 0x80, 0x80, 0x80, 0x80, 0x80, 0xc3, 0x80, 0x80, 0x80))
  await peer.find(PacketCode.Status)
  assert.equal(toHex((await peer.find(WishCode.pow)).body), toHex(encodeUint(powBits(0.25))))
  assert.equal(toHex((await peer.find(WishCode.bloom)).body), `b840${toHex(bloomOf([RED]))}`)
  const modern = await PacketPeer.dial(t, node, 'waku/0')
  await modern.shakeHands()
  await modern.send(PacketCode.Messages, encodeMessages([newEnvelope({ topic: RED }).raw]))
  await modern.find(PacketCode.BatchAck)
  assert.equal(
    modern.received.some(({ code }) => code === WishCode.pow || code === WishCode.bloom),
    false
  )
})

test('bridges in a ring pass each envelope to each node once, and what was fetched from an archive to nobody [BR-02] [BR-03] [BR-05]', async t => {
  const a = await legacyNode(t, { devp2p: { capabilities: ['shh/6'] } })
  const b = await legacyNode(t, { devp2p: { capabilities: ['shh/6', 'waku/1'] } })
  const c = await legacyNode(t, { devp2p: { capabilities: ['waku/1', 'waku/0', 'shh/6'] } })
  await meet(a, b)
  await meet(b, c)
  await meet(c, a)
  const heard = [a, b, c].map(node => {
    const hashes: string[] = []
    node.waku.subscribe({ historic: false }, ({ envelope }) => hashes.push(envelope.hashHex))
    return hashes
  })
  const envelope = newEnvelope()
  await a.waku.post({ envelope })
  await until(() => heard.every(hashes => hashes.length === 1))
  const old = newEnvelope({ sent: 1_600_000_000 })
  await b.archive.append([old])
  await c.trust.add(b.key.peerId)
  const history = c.client.envelopes({
    server: b.key.peerId,
    network: 'devp2p',
    from: 1,
    requestKey: new Uint8Array(32).fill(7)
  })
  let fetched = 0
  for await (const _ of history) fetched++
  assert.equal(fetched, 2)
  const last = newEnvelope()
  await c.waku.post({ envelope: last })
  await until(() => heard.every(hashes => hashes.includes(last.hashHex)))
  assert.deepEqual(
    heard,
    heard.map(() => [envelope.hashHex, last.hashHex])
  )
  for (const node of [a, b, c]) {
    await until(() => node.waku.counters.snapshot().envelopes_received >= 2 || node !== a)
    assert.equal(node.waku.counters.snapshot().envelopes_accepted + node.waku.counters.snapshot().envelopes_posted, 2)
  }
  await until(() => c.waku.counters.snapshot().envelopes_stored === 2)
  assert.equal((await c.archive.stats()).envelopes, 2)
})

test('a light node passes nothing on [BR-03]', async t => {
  const light = await legacyNode(t, { waku: { light: true } })
  const [from, to] = [await PacketPeer.dial(t, light, 'shh/6'), await PacketPeer.dial(t, light, 'waku/1')]
  await from.shakeHands()
  await to.shakeHands()
  await from.send(PacketCode.Messages, encodeMessages([newEnvelope().raw]))
  await from.find(PacketCode.BatchAck)
  const own = newEnvelope()
  await light.waku.post({ envelope: own }, { timeout: 1 })
  assert.equal(toHex((await to.find(PacketCode.Messages)).body), toHex(encodeMessages([own.raw])))
})
