import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.js'
import { bloomOf } from '../../src/wire/envelope/bloom.js'
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { mineRange, miningBits } from '../../src/wire/envelope/pow.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeStatusOptions } from '../../src/wire/packet/status.js'
import { encodeList, encodeString, encodeUint } from '../../src/wire/rlp.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import type { MemoryChannel } from '../helpers/memory-channel.js'
import { loneNode, scriptedPeer } from '../helpers/scripted-peer.js'
import { until } from '../helpers/waku-node.js'

const topic = Uint8Array.of(1, 2, 3, 4)

test('archives what arrives in a Messages packet, the very bytes [MAIL-01] [MAIL-03]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const stored: Envelope[] = []
  node.setStore({
    append: async envelopes => {
      stored.push(...envelopes)
      return envelopes.map(() => 'stored')
    }
  })
  const peer = await scriptedPeer(node)
  const envelopes = [
    newEnvelope(),
    newEnvelope({ ttl: 1, sent: unixNow() }),
    newEnvelope({ topic: fromHex('00000000') })
  ]
  assert.deepEqual(await peer.confirm(...envelopes), [])
  assert.deepEqual(
    stored.map(({ raw }) => toHex(raw)),
    envelopes.map(({ raw }) => toHex(raw))
  )
})

test('each envelope of a packet is judged alone and named when refused [WAKU-11] [WAKU-53] [WAKU-55] [D-07]', async t => {
  const clock = { now: 1_700_000_000 }
  const node = await loneNode({ now: () => clock.now, maxTtl: 1000 })
  t.after(() => node.stop())
  const stored: string[] = []
  node.setStore({
    append: async envelopes => {
      stored.push(...envelopes.map(({ hashHex }) => hashHex))
      return envelopes.map(() => 'stored')
    }
  })
  const { now } = clock
  const good = newEnvelope({ sent: now, ttl: 10 })
  const wrap = encodeEnvelope({ expiry: 5, ttl: 6, topic, data: Uint8Array.of(1), nonce: 0n })
  const cases: Array<[string, Envelope, number | undefined]> = [
    ['fresh', good, undefined],
    ['ttl 0', newEnvelope({ sent: now, ttl: 0 }), 2],
    ['ttl above expiry', wrap, 2],
    ['ttl above the maximum', newEnvelope({ sent: now, ttl: 1001 }), 2],
    ['ttl at the maximum', newEnvelope({ sent: now, ttl: 1000 }), undefined],
    ['11 s ahead', newEnvelope({ sent: now + 11 }), 1],
    ['10 s ahead', newEnvelope({ sent: now + 10 }), undefined],
    ['expired a second ago', newEnvelope({ sent: now - 11, ttl: 10 }), 1],
    ['in its last second', newEnvelope({ sent: now - 10, ttl: 10 }), undefined]
  ]
  const peer = await scriptedPeer(node)
  const refused = await peer.confirm(...cases.map(([, envelope]) => envelope))
  for (const [name, { hashHex }, code] of cases) {
    assert.equal(refused.find(({ hash }) => hash === hashHex)?.code, code, name)
    assert.equal(stored.includes(hashHex), code === undefined, name)
  }
})

test('a TTL of 24 h is the longest by default', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  assert.equal((await peer.confirm(newEnvelope({ ttl: 86_400 }))).length, 0)
  assert.equal((await peer.confirm(newEnvelope({ ttl: 86_401 }))).length, 1)
})

test('what is not canonical is refused alone, by the hash of its bytes [WAKU-11]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  const now = unixNow()
  const expiry = encodeUint(now + 60)
  const data = encodeString(new Uint8Array(40))
  const bad: Array<[string, Uint8Array]> = [
    ['integer with a leading zero', encodeList([expiry, fromHex('82003c'), encodeString(topic), data, fromHex('80')])],
    ['single byte in a string', encodeList([expiry, fromHex('813c'), encodeString(topic), data, fromHex('80')])],
    ['topic of 3 bytes', encodeList([expiry, fromHex('3c'), fromHex('83010203'), data, fromHex('80')])],
    ['4 items', encodeList([expiry, fromHex('3c'), encodeString(topic), data])],
    ['6 items', encodeList([expiry, fromHex('3c'), encodeString(topic), data, fromHex('80'), fromHex('80')])],
    [
      'nonce of 9 bytes',
      encodeList([expiry, fromHex('3c'), encodeString(topic), data, fromHex('89ff0000000000000000')])
    ],
    ['data as a list', encodeList([expiry, fromHex('3c'), encodeString(topic), fromHex('c0'), fromHex('80')])],
    ['a string', encodeString(new Uint8Array(100))],
    ['an empty string', fromHex('80')],
    ['an empty list', fromHex('c0')]
  ]
  const good = newEnvelope()
  const refused = await peer.confirm(...bad.map(([, raw]) => raw), good)
  assert.deepEqual(
    refused.map(({ hash, code }) => [hash, code]),
    bad.map(([, raw]) => [toHex(keccak256(raw)), 2])
  )
  assert.equal(node.counters.get('envelopes_accepted'), 1)
})

test('an undecodable body resets the conversation, or costs only the packet where the network says so', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const bodies: Array<[number, string]> = [
    [PacketCode.Messages, '83616263'],
    [PacketCode.Messages, '80'],
    [PacketCode.BatchAck, '820102'],
    [PacketCode.MessageResponse, 'c0'],
    [PacketCode.StatusUpdate, '80'],
    [PacketCode.StatusUpdate, 'cbca80887ff8000000000000']
  ]
  for (const [code, body] of bodies) {
    const strict = await scriptedPeer(node, { topics: [] })
    await strict.send(code, fromHex(body))
    assert.equal((await strict.over)?.name, 'MalformedError', body)
    const lenient = await scriptedPeer(node, { topics: [] }, { onMalformed: 'ignore' })
    await lenient.send(code, fromHex(body))
    assert.deepEqual(await lenient.confirm(newEnvelope()), [], body)
  }
  assert.equal(node.counters.get('packets_malformed'), 2 * bodies.length)
})

test('an envelope that could never be delivered is refused: RLP + 9 bytes over 1 MiB [WAKU-08] [WAKU-09] [WAKU-12]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  const frame = newEnvelope({ data: new Uint8Array(1024 * 1024 - 100) }).size - (1024 * 1024 - 100)
  const largest = newEnvelope({ data: new Uint8Array(1024 * 1024 - 9 - frame) })
  assert.equal(largest.size, 1024 * 1024 - 9)
  const larger = newEnvelope({ data: new Uint8Array(1024 * 1024 - 8 - frame) })
  assert.deepEqual(await peer.confirm(largest), [])
  assert.deepEqual(
    (await peer.confirm(larger)).map(({ hash, code }) => [hash, code]),
    [[larger.hashHex, 2]]
  )
  const small = await loneNode({ maxEnvelopeSize: 400 })
  t.after(() => small.stop())
  assert.equal((await (await scriptedPeer(small)).confirm(newEnvelope({ data: new Uint8Array(400) }))).length, 1)
})

function mined(fields: { sent: number; ttl: number; data: Uint8Array }, target: number): Envelope {
  const parts = { expiry: fields.sent + fields.ttl, ttl: fields.ttl, topic, data: fields.data }
  const unmined = encodeEnvelope({ ...parts, nonce: 0n })
  const nonce = mineRange(unmined.shortRlp(), miningBits(parts, target), 0n, 10_000_000) as bigint
  return encodeEnvelope({ ...parts, nonce })
}

test('proof of work below the announced minimum is refused [WAKU-33] [D-13]', async t => {
  const now = unixNow()
  const node = await loneNode({ pow: 0.02, now: () => now })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  const data = new Uint8Array(200)
  const enough = mined({ sent: now, ttl: 20, data }, 0.02)
  assert.deepEqual(await peer.confirm(enough), [])
  // the first nonce that falls short
  let poor = enough
  for (let nonce = 0n; poor === enough; nonce++) {
    const candidate = encodeEnvelope({ expiry: now + 20, ttl: 20, topic, data, nonce })
    if ((candidate.powHash[0] as number) > 0x7f) poor = candidate
  }
  const [refusal] = await peer.confirm(poor)
  assert.equal(refusal?.code, 2)
  assert.equal(node.counters.get('refused_pow'), 1)
})

test('the published example meets either definition of size, and one dated ahead counts as longer lived [D-13]', async t => {
  // size 13 and TTL 1 give 19.69, 20 + 4 bytes give 10.67 (public vector, nonce 276)
  const example = decodeEnvelope(fromHex('cf8001840000000084deadbeef820114'))
  assert.equal(example.ttl, 1)
  const now = 1_700_000_000
  const parts = { ttl: 10, topic, data: new Uint8Array(100) }
  const node = await loneNode({ pow: 0.05, now: () => now })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  // enough for a life of 10 s, not for 10 + 8 + 1
  let ahead: Envelope | undefined
  for (let nonce = 0n; ahead === undefined; nonce++) {
    const candidate = encodeEnvelope({ expiry: now + 8 + 10, ...parts, nonce })
    const zeros = Math.clz32((candidate.powHash[0] as number) << 24)
    if (zeros === 6 && candidate.powHash[0] !== 0) ahead = candidate
  }
  assert.ok(64 / ahead.shortSize / 10 >= 0.05 && 64 / 120 / 19 < 0.05)
  assert.equal((await peer.confirm(ahead))[0]?.code, 2)
})

test('an envelope outside the announced topics or bloom is refused, and the previous value holds 10 s more', async t => {
  const clock = { now: 1_700_000_000 }
  const node = await loneNode({ now: () => clock.now, bloom: bloomOf([topic]) })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  const other = Uint8Array.of(9, 9, 9, 9)
  const make = (of: Uint8Array): Envelope => newEnvelope({ topic: of, sent: clock.now })
  assert.equal((await peer.confirm(make(topic))).length, 0)
  assert.equal((await peer.confirm(make(other)))[0]?.code, 2)
  await node.updateStatus({ topics: [other] })
  await peer.next(PacketCode.StatusUpdate)
  assert.equal((await peer.confirm(make(other))).length, 0)
  clock.now += 10
  assert.equal((await peer.confirm(make(topic))).length, 0, 'still taken by the previous bloom')
  clock.now += 1
  assert.equal((await peer.confirm(make(topic)))[0]?.code, 2)
})

test('what the store refuses is refused with its reason [D-08]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const old = newEnvelope({ sent: unixNow() - 50, ttl: 60 })
  node.setStore({
    refuse: (envelope, now) => (envelope.sent < now - 30 ? { code: 1, text: 'past retention' } : undefined),
    append: async envelopes => envelopes.map(() => 'stored')
  })
  const peer = await scriptedPeer(node)
  assert.deepEqual(await peer.confirm(old, newEnvelope()), [{ hash: old.hashHex, code: 1, text: 'past retention' }])
})

test('unknown codes and codes of the mailserver protocol are ignored [WAKU-14] [WAKU-16] [MAIL-27]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const seen: unknown[] = []
  node.subscribe({}, message => seen.push(message))
  const peer = await scriptedPeer(node)
  const p2p = newEnvelope()
  for (const code of [2, 3, 0x14, 0x15, 0x42, 0x7b, 0x7c]) await peer.send(code, fromHex('c0'))
  for (const code of [0x7d, 0x7e, 0x7f]) await peer.send(code, encodeList([p2p.raw]))
  for (const code of [0x7d, 0x7e, 0x7f]) await peer.send(code, fromHex('83ffffff'))
  assert.deepEqual(await peer.confirm(newEnvelope()), [])
  assert.equal(seen.length, 1)
  assert.equal(node.counters.get('packets_unknown'), 7)
  assert.equal(node.counters.get('p2p_packets_ignored'), 6)
})

test('envelopes that came as history are delivered but neither stored nor forwarded [WAKU-56]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  let appended = 0
  node.setStore({
    append: async envelopes => {
      appended += envelopes.length
      return envelopes.map(() => 'stored')
    }
  })
  const other = await scriptedPeer(node)
  const historic = newEnvelope({ sent: unixNow() - 10 })
  assert.equal(node.deliverHistoric(historic, other.peer), true)
  const live = newEnvelope()
  await (await scriptedPeer(node)).confirm(live)
  assert.deepEqual(
    (await other.nextEnvelopes()).map(({ hashHex }) => hashHex),
    [live.hashHex]
  )
  assert.equal(appended, 1)
})

test('a peer that breaks the rules too often is reset when the node asks for that; time errors do not count', async t => {
  const node = await loneNode({ maxViolations: 3 })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  for (let i = 0; i < 10; i++) assert.equal((await peer.confirm(newEnvelope({ sent: unixNow() - 100 })))[0]?.code, 1)
  for (let i = 0; i < 3; i++) assert.equal((await peer.confirm(newEnvelope({ ttl: 0 })))[0]?.code, 2)
  await peer.sendEnvelopes(newEnvelope({ ttl: 0 }))
  assert.equal((await peer.over)?.name, 'MisbehaviourError')
})

test('a packet of many bad envelopes is answered in full while it brings something, else it is given up', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const bad = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => encodeList([encodeUint(i)]))
  const peer = await scriptedPeer(node)
  assert.equal((await peer.confirm(...bad(1024))).length, 1024)
  const good = Array.from({ length: 2048 }, () => newEnvelope().raw)
  assert.equal((await peer.confirm(...good, ...bad(14_336))).length, 14_336)
  const before = node.counters.get('refused_malformed')
  await peer.sendEnvelopes(newEnvelope().raw, ...bad(16_383))
  assert.equal((await peer.over)?.name, 'MalformedError')
  assert.ok(node.counters.get('refused_malformed') - before < 1100, 'the rest is not judged')
  assert.equal(node.counters.get('envelopes_accepted'), 2049, 'what was good is kept')
  const another = await scriptedPeer(node)
  await another.sendEnvelopes(...bad(16_384), fromHex('c0'))
  assert.equal((await another.over)?.name, 'MalformedError', 'no list of so many is read')
})

test('an update of the Status is taken over, an empty one changes nothing [WAKU-15] [WAKU-28] [WAKU-29]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await scriptedPeer(node, { pow: 0.5, topics: [topic] })
  await peer.send(PacketCode.StatusUpdate, fromHex('c0'))
  await peer.confirm(newEnvelope())
  assert.deepEqual(node.peers()[0]?.status, { pow: 0.5, topics: [topic] })
  await peer.send(PacketCode.StatusUpdate, encodeStatusOptions({ pow: 0.25 }))
  await peer.confirm(newEnvelope())
  assert.deepEqual(node.peers()[0]?.status, { pow: 0.25, topics: [topic] })
  // an unknown key alone
  await peer.send(PacketCode.StatusUpdate, concatBytes(fromHex('c3c26301')))
  await peer.confirm(newEnvelope())
  assert.deepEqual(node.peers()[0]?.status, { pow: 0.25, topics: [topic] })
})

test('a packet of a peer that is gone is judged to its end only while it brings something', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  const { other: near } = peer.channel as unknown as { other: { gone: boolean } }
  near.gone = true
  const good = Array.from({ length: 1200 }, () => newEnvelope())
  await peer.sendEnvelopes(...good)
  await until(() => node.counters.get('envelopes_accepted') === good.length)
  await peer.sendEnvelopes(...Array.from({ length: 2000 }, (_, i) => encodeList([encodeUint(i)])))
  const last = newEnvelope()
  await peer.sendEnvelopes(last)
  await until(() => node.counters.get('envelopes_accepted') === good.length + 1)
  assert.equal(node.counters.get('refused_malformed'), 512)
})

test('what was judged in vain is told to the transport: refused, sent twice by the same peer, no list', async t => {
  const node = await loneNode({ pow: 0 })
  t.after(() => node.stop())
  const legacy = await scriptedPeer(node, {}, { onMalformed: 'ignore' })
  const near = (legacy.channel as MemoryChannel).other
  const [good, other] = [newEnvelope(), newEnvelope()]
  const bad = encodeList([encodeUint(1)])
  await legacy.confirm(good)
  assert.equal(near.bytesCharged, 0)
  await legacy.confirm(bad, other, bad)
  assert.equal(near.bytesCharged, 2 * (bad.length + 1024))
  await legacy.confirm(good)
  assert.equal(near.bytesCharged, 2 * (bad.length + 1024), 'packets may cross')
  await legacy.confirm(good)
  assert.equal(near.bytesCharged, 2 * (bad.length + 1024) + good.raw.length + 256)
  const before = near.bytesCharged
  await legacy.send(PacketCode.Messages, new Uint8Array(5000).fill(1))
  await legacy.confirm(newEnvelope())
  assert.equal(near.bytesCharged, before + 5000 + 1024)

  const second = await scriptedPeer(node)
  await second.nextEnvelopes()
  await second.confirm(good)
  assert.equal((second.channel as MemoryChannel).other.bytesCharged, 0, 'each peer may bring what others did')
})

test('what could not be stored is welcome again', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  node.setStore({
    append: async () => {
      throw new Error('the disk is full')
    }
  })
  const peer = await scriptedPeer(node)
  const envelope = newEnvelope()
  for (let i = 0; i < 4; i++) assert.equal((await peer.confirm(envelope))[0]?.text, 'not stored')
  assert.equal((peer.channel as MemoryChannel).other.bytesCharged, 0)
})
