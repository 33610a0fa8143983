import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex } from '../../src/wire/bytes.js'
import { bloomOf, fullBloom, lossyTopicBloom } from '../../src/wire/envelope/bloom.js'
import { type Envelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { mineRange, miningBits } from '../../src/wire/envelope/pow.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeStatusOptions, MAX_TOPIC_INTEREST, type StatusOptions } from '../../src/wire/packet/status.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { newPeerId } from '../helpers/memory-channel.js'
import { loneNode, type ScriptedPeer, scriptedPeer } from '../helpers/scripted-peer.js'
import { until } from '../helpers/waku-node.js'

const a = fromHex('0a0b0c00')
const b = fromHex('f0e0d001')

/** What arrives before a last envelope that the peer wants. */
async function arrivedBefore(peer: ScriptedPeer, last: Envelope): Promise<string[]> {
  await until(() => peer.envelopes.includes(last.hashHex))
  return peer.envelopes.filter(hash => hash !== last.hashHex)
}

test('an accepted envelope goes once to every other peer, never back [WAKU-04] [WAKU-07]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const [from, ...others] = await Promise.all([1, 2, 3, 4].map(() => scriptedPeer(node)))
  const envelopes = Array.from({ length: 50 }, () => newEnvelope())
  await from?.confirm(...envelopes)
  // again, from each of them
  for (const other of others) {
    await until(() => other.envelopes.length === 50)
    await other.sendEnvelopes(...envelopes)
  }
  const last = newEnvelope()
  await node.post({ envelope: last })
  for (const other of others) {
    assert.deepEqual((await arrivedBefore(other, last)).sort(), envelopes.map(({ hashHex }) => hashHex).sort())
  }
  assert.deepEqual(await arrivedBefore(from as ScriptedPeer, last), [])
})

test('more than 32 peers are told apart [WAKU-07]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peers = await Promise.all(Array.from({ length: 70 }, () => scriptedPeer(node)))
  const envelopes = peers.map(() => newEnvelope())
  await Promise.all(peers.map((peer, i) => peer.sendEnvelopes(envelopes[i] as Envelope)))
  for (const [i, peer] of peers.entries()) {
    await until(() => peer.envelopes.length === 69)
    assert.equal(new Set(peer.envelopes).size, 69)
    assert.equal(peer.envelopes.includes((envelopes[i] as Envelope).hashHex), false)
  }
})

const interests: Array<[string, StatusOptions, boolean, boolean]> = [
  ['no interest given: everything [WAKU-36]', {}, true, true],
  ['full bloom: everything [WAKU-36]', { bloom: fullBloom() }, true, true],
  ['zero bloom: nothing [WAKU-36]', { bloom: new Uint8Array(64) }, false, false],
  ['bloom of one topic [WAKU-04]', { bloom: bloomOf([a]) }, true, false],
  ['lossy bloom of one topic [WAKU-04]', { bloom: lossyTopicBloom(b) }, false, true],
  ['one topic [WAKU-37]', { topics: [b] }, false, true],
  ['no topics: nothing [WAKU-39]', { topics: [] }, false, false],
  ['topics beat bloom [WAKU-34]', { topics: [a], bloom: bloomOf([b]) }, true, false]
]
for (const [name, status, wantsA, wantsB] of interests) {
  test(`forwards by what the peer wants: ${name}`, async t => {
    const node = await loneNode()
    t.after(() => node.stop())
    const peer = await scriptedPeer(node, status)
    const forA = newEnvelope({ topic: a })
    const forB = newEnvelope({ topic: b })
    await (await scriptedPeer(node)).confirm(forA, forB)
    await peer.send(PacketCode.StatusUpdate, encodeStatusOptions({ topics: [fromHex('77777777')] }))
    await until(() => node.counters.get('status_updates') === 1)
    const last = newEnvelope({ topic: fromHex('77777777') })
    await node.post({ envelope: last })
    const expected = [...(wantsA ? [forA.hashHex] : []), ...(wantsB ? [forB.hashHex] : [])]
    assert.deepEqual(await arrivedBefore(peer, last), expected)
  })
}

test('an update puts bloom or topics out of force, and what is wanted now is offered from the pool [WAKU-35] [WAKU-38]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await scriptedPeer(node, { topics: [] })
  const forA = newEnvelope({ topic: a })
  const forB = newEnvelope({ topic: b })
  await (await scriptedPeer(node)).confirm(forA, forB)
  await peer.send(PacketCode.StatusUpdate, encodeStatusOptions({ bloom: bloomOf([a]) }))
  await until(() => peer.envelopes.length > 0)
  assert.deepEqual(peer.envelopes, [forA.hashHex])
  assert.equal(node.peers()[0]?.status.topics, undefined)
  await peer.send(PacketCode.StatusUpdate, encodeStatusOptions({ topics: [b] }))
  await until(() => peer.envelopes.length > 1)
  assert.deepEqual(peer.envelopes, [forA.hashHex, forB.hashHex])
  assert.equal(node.peers()[0]?.status.bloom, undefined)
})

test('10000 topics are taken, one more is an invalid Status [WAKU-39]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const topics = Array.from({ length: MAX_TOPIC_INTEREST }, (_, i) => Uint8Array.of(0, i >> 16, i >> 8, i))
  const peer = await scriptedPeer(node, { topics })
  const wanted = newEnvelope({ topic: topics[9_999] as Uint8Array })
  await (await scriptedPeer(node)).confirm(newEnvelope(), wanted)
  assert.equal((await peer.nextEnvelopes())[0]?.hashHex, wanted.hashHex)
  const body = encodeStatusOptions({ topics })
  // 5 bytes more in each of the three list headers
  const more = new Uint8Array(body.length + 5)
  more.set(body)
  more.set(fromHex('84ffffffff'), body.length)
  for (const at of [1, 5, 10]) {
    const length = ((more[at] as number) << 16) | ((more[at + 1] as number) << 8) | (more[at + 2] as number)
    const view = new DataView(more.buffer)
    view.setUint8(at, (length + 5) >> 16)
    view.setUint16(at + 1, (length + 5) & 0xffff)
  }
  const greedy = await scriptedPeer(node, null)
  await greedy.send(PacketCode.Status, more)
  assert.match(String(await greedy.over), /HandshakeError: invalid Status: (?!.*truncated)/)
})

test("nothing below a peer's requirement is sent to it, in its handshake or later [WAKU-31]", async t => {
  const now = unixNow()
  const node = await loneNode({ now: () => now })
  t.after(() => node.stop())
  const parts = { expiry: now + 10, ttl: 10, topic: a, data: new Uint8Array(100) }
  const unmined = encodeEnvelope({ ...parts, nonce: 0n })
  const strong = encodeEnvelope({
    ...parts,
    nonce: mineRange(unmined.shortRlp(), miningBits(parts, 0.3), 0n, 1e7) as bigint
  })
  let weak = unmined
  for (let nonce = 0n; (weak.powHash[0] as number) < 0x80; nonce++) weak = encodeEnvelope({ ...parts, nonce })
  const easy = await scriptedPeer(node, { pow: 0 })
  const hard = await scriptedPeer(node, { pow: 0.3 })
  const eased = await scriptedPeer(node, { pow: 0.3 })
  await eased.send(PacketCode.StatusUpdate, encodeStatusOptions({ pow: 0 }))
  await until(() => node.counters.get('status_updates') === 1)
  await (await scriptedPeer(node, { topics: [] })).confirm(weak, strong)
  await until(() => easy.envelopes.length === 2 && eased.envelopes.length === 2 && hard.envelopes.length === 1)
  assert.deepEqual(hard.envelopes, [strong.hashHex])
})

test('a peer that connects later is offered what has not expired [WAKU-06]', async t => {
  const clock = { now: 1_700_000_000 }
  const node = await loneNode({ now: () => clock.now })
  t.after(() => node.stop())
  const short = newEnvelope({ sent: clock.now, ttl: 5 })
  const long = newEnvelope({ sent: clock.now, ttl: 50 })
  await (await scriptedPeer(node)).confirm(short, long)
  clock.now += 6
  const late = await scriptedPeer(node)
  const last = newEnvelope({ sent: clock.now })
  await node.post({ envelope: last })
  assert.deepEqual(await arrivedBefore(late, last), [long.hashHex])
})

test('an envelope dated ahead is forwarded when its time has come', async t => {
  const clock = { now: 1_700_000_000 }
  const node = await loneNode({ now: () => clock.now })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  const ahead = newEnvelope({ sent: clock.now + 5 })
  const timely = newEnvelope({ sent: clock.now })
  await (await scriptedPeer(node)).confirm(ahead, timely)
  assert.deepEqual(
    (await peer.nextEnvelopes()).map(({ hashHex }) => hashHex),
    [timely.hashHex]
  )
  clock.now += 5
  assert.deepEqual(
    (await peer.nextEnvelopes()).map(({ hashHex }) => hashHex),
    [ahead.hashHex]
  )
})

test('a light node forwards nothing but its own [WAKU-05] [WAKU-49] [WAKU-51]', async t => {
  const node = await loneNode({ light: true })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  const foreign = newEnvelope()
  await (await scriptedPeer(node, { topics: [] })).confirm(foreign)
  const own = newEnvelope()
  await node.post({ envelope: own })
  assert.deepEqual(await arrivedBefore(peer, own), [])
  const late = await scriptedPeer(node)
  assert.deepEqual(
    (await late.nextEnvelopes()).map(({ hashHex }) => hashHex),
    [own.hashHex]
  )
})

test('packets are packed, and none is over 1 MiB [D-12]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const from = await scriptedPeer(node, { topics: [] })
  const small = Array.from({ length: 1000 }, () => newEnvelope())
  const large = Array.from({ length: 3 }, (_, i) => newEnvelope({ data: new Uint8Array(1024 * 1024 - 40).fill(i) }))
  await from.confirm(...small)
  for (const envelope of large) await from.confirm(envelope)
  const peer = await scriptedPeer(node)
  await until(() => peer.envelopes.length === 1003)
  const packets = peer.received.filter(({ code }) => code === PacketCode.Messages)
  for (const { body } of packets) assert.ok(body.length <= 1024 * 1024)
  assert.ok(packets.length <= 8, `${packets.length} packets`)
})

test('a peer that does not read holds up nobody, and misses only what the pool had to drop', async t => {
  const node = await loneNode({ poolEnvelopes: 100 })
  t.after(() => node.stop())
  const stuck = await scriptedPeer(node)
  let open: () => void = () => {}
  const near = (stuck.channel as unknown as { other: { gate: Promise<void> | undefined } }).other
  near.gate = new Promise(resolve => {
    open = resolve
  })
  const from = await scriptedPeer(node, { topics: [] })
  const quick = await scriptedPeer(node)
  const all: string[] = []
  for (let i = 0; i < 30; i++) {
    const envelopes = Array.from({ length: 10 }, () => newEnvelope())
    all.push(...envelopes.map(({ hashHex }) => hashHex))
    await from.confirm(...envelopes)
  }
  await until(() => quick.envelopes.length === 300)
  assert.deepEqual(quick.envelopes, all)
  open()
  await until(() => stuck.envelopes.length >= 110)
  assert.deepEqual(stuck.envelopes, [...all.slice(0, 10), ...all.slice(200)])
  assert.ok(node.counters.get('forward_overruns') > 0)
  assert.equal(node.counters.get('pool_evictions'), 200)
})

test('the pool is bounded by bytes too', async t => {
  const node = await loneNode({ poolBytes: 50_000 })
  t.after(() => node.stop())
  const from = await scriptedPeer(node, { topics: [] })
  const envelopes = Array.from({ length: 300 }, () => newEnvelope())
  await from.confirm(...envelopes)
  const late = await scriptedPeer(node)
  const last = newEnvelope()
  await from.confirm(last)
  const arrived = await arrivedBefore(late, last)
  const size = (envelopes[0] as Envelope).size
  assert.ok(arrived.length * size <= 50_000 && arrived.length * size > 48_000 - size)
})

test('a hash that had to be forgotten is taken as new', async t => {
  const node = await loneNode({ rememberedEnvelopes: 10 })
  t.after(() => node.stop())
  const from = await scriptedPeer(node, { topics: [] })
  const first = newEnvelope()
  await from.confirm(first)
  await from.confirm(...Array.from({ length: 10 }, () => newEnvelope()))
  await from.confirm(first)
  assert.equal(node.counters.get('envelopes_known'), 0)
  assert.equal(node.counters.get('envelopes_accepted'), 12)
  assert.equal(node.counters.get('memory_evictions'), 2)
})

test('only changed values are announced, to everyone [WAKU-30] [WAKU-44]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peers = [await scriptedPeer(node), await scriptedPeer(node)]
  await node.updateStatus({ pow: 0, light: false })
  const packetLimits = { ip: 10, peer: 5, topic: 0 }
  await node.updateStatus({ pow: 0, light: false, packetLimits })
  for (const peer of peers) {
    assert.deepEqual((await peer.next(PacketCode.StatusUpdate)).body, encodeStatusOptions({ packetLimits }))
  }
  assert.deepEqual(node.status.packetLimits, packetLimits)
  await assert.rejects(node.updateStatus({ pow: Number.NaN }), { name: 'UnencodableError' })
  assert.equal(node.status.pow, 0)
})

test('of two conversations with one peer the newer one is fed, and the other takes over when it ends', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await newPeerId()
  const older = await scriptedPeer(node, {}, { peer })
  const newer = await scriptedPeer(node, {}, { peer })
  assert.equal(node.peers().length, 1)
  const [first, second] = [newEnvelope(), newEnvelope()]
  await node.post({ envelope: first })
  await until(() => newer.envelopes.length === 1)
  newer.channel.abort(new Error('test'))
  await newer.over
  await node.post({ envelope: second })
  await until(() => older.envelopes.length === 1)
  assert.deepEqual(older.envelopes, [second.hashHex])
})
