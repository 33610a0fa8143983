import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex } from '../../src/wire/bytes.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { decodeStatusOptions, encodeStatusOptions, type StatusOptions } from '../../src/wire/packet/status.js'
import { encodeList } from '../../src/wire/rlp.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { loneNode, scriptedPeer } from '../helpers/scripted-peer.js'

test('sends its Status at once, without waiting for the other side, its own rate limits in it [WAKU-17] [WAKU-40] [WAKU-45]', async t => {
  const limits = { ip: 1, peer: 2, topic: 3 }
  const node = await loneNode({ pow: 0.002, packetLimits: limits, byteLimits: { ip: 9e6, peer: 8e6, topic: 0 } })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node, null)
  const status = decodeStatusOptions((await peer.next(PacketCode.Status)).body)
  assert.deepEqual(status, {
    pow: 0.002,
    light: false,
    confirmations: true,
    packetLimits: limits,
    byteLimits: { ip: 9e6, peer: 8e6, topic: 0 }
  })
})

test('nothing but Status is sent before the Status of the peer [WAKU-18]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  await node.post({ envelope: newEnvelope() })
  const peer = await scriptedPeer(node, null)
  await peer.next(PacketCode.Status)
  await new Promise(resolve => setTimeout(resolve, 50))
  assert.equal(peer.received.length, 1)
  await peer.send(PacketCode.Status, encodeStatusOptions({}))
  assert.equal((await peer.nextEnvelopes()).length, 1)
})

test('a peer without Status is reset after the timeout [WAKU-19]', async t => {
  const node = await loneNode({ statusTimeout: 30 })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node, null)
  const started = Date.now()
  assert.equal((await peer.over)?.name, 'HandshakeError')
  assert.ok(Date.now() - started < 1000)
  assert.notEqual(await peer.end(), 'end')
})

test('a packet before Status is not looked at and ends the conversation [WAKU-21] [WAKU-22]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  for (const code of [PacketCode.Messages, PacketCode.StatusUpdate, 0x20, PacketCode.P2PMessage]) {
    const peer = await scriptedPeer(node, null)
    const envelope = newEnvelope()
    await peer.send(code, encodeMessages([envelope.raw]))
    assert.equal((await peer.over)?.name, 'HandshakeError')
    assert.notEqual(await peer.end(), 'end')
  }
  assert.equal(node.counters.get('envelopes_received'), 0)
  assert.equal(node.counters.get('handshakes_failed'), 4)
})

test('an invalid Status ends the conversation [WAKU-20] [WAKU-24] [WAKU-32]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const invalid: Array<[string, string]> = [
    ['no list', '80'],
    ['NaN', 'cbca80887ff8000000000000'],
    ['infinite', 'cbca80887ff0000000000000'],
    ['negative', 'cbca8088bff0000000000000'],
    ['bloom of 63 bytes', `f843f84101b83f${'ff'.repeat(63)}`],
    ['topic of 3 bytes', 'c7c605c483123456']
  ]
  for (const [name, body] of invalid) {
    const peer = await scriptedPeer(node, null)
    await peer.send(PacketCode.Status, fromHex(body))
    assert.equal((await peer.over)?.name, 'HandshakeError', name)
    assert.notEqual(await peer.end(), 'end', name)
  }
})

test('options may come in any order, be missing or be unknown [WAKU-25] [WAKU-26] [WAKU-27] [WAKU-60]', async t => {
  const pow = '80883f60624dd2f1a9fc'
  const statuses: Array<[string, string[], StatusOptions]> = [
    ['none', [], {}],
    ['descending', ['0201', pow], { light: true, pow: 0.002 }],
    ['an unknown key first', ['6301', pow, '0201'], { light: true, pow: 0.002 }],
    ['an unknown key with a list, and one of two bytes', ['63c0', '82ffff80', pow], { pow: 0.002 }],
    ['a pair with an item too many', [`${pow}c0`], { pow: 0.002 }]
  ]
  for (const [name, pairs, expected] of statuses) {
    const node = await loneNode()
    t.after(() => node.stop())
    const peer = await scriptedPeer(node, null)
    await peer.send(PacketCode.Status, encodeList(pairs.map(pair => encodeList([fromHex(pair)]))))
    await peer.next(PacketCode.Status)
    assert.deepEqual(await peer.confirm(newEnvelope()), [], name)
    assert.deepEqual(node.peers()[0]?.status, expected, name)
  }
})

test('a second Status changes nothing [WAKU-23]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await scriptedPeer(node, { pow: 1 })
  await peer.send(PacketCode.Status, encodeStatusOptions({ pow: 5 }))
  await peer.confirm(newEnvelope())
  assert.equal(node.peers()[0]?.status.pow, 1)
  assert.equal(node.counters.get('status_repeated'), 1)
})

test('two light nodes part [WAKU-52]', async t => {
  const light = await loneNode({ light: true })
  const full = await loneNode()
  t.after(() => {
    light.stop()
    full.stop()
  })
  const other = await scriptedPeer(light, { light: true })
  assert.equal((await other.over)?.name, 'UselessPeerError')
  assert.equal((await (await scriptedPeer(light, { light: false })).confirm(newEnvelope())).length, 0)
  assert.equal((await (await scriptedPeer(full, { light: true })).confirm(newEnvelope())).length, 0)
})

test('who watches peers and throws harms neither the others nor the conversation', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const seen: number[] = []
  node.watchPeers(() => {
    throw new Error('a slip of the application')
  })
  node.watchPeers(() => void seen.push(node.peers().length))
  const peer = await scriptedPeer(node)
  assert.deepEqual([await peer.confirm(newEnvelope()), seen], [[], [1]])
  await peer.channel.close()
  await peer.over
  assert.deepEqual(seen, [1, 0])
})

test('a peer that leaves before its Status is a failed handshake, not a crash', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await scriptedPeer(node, null)
  await peer.channel.close()
  assert.equal((await peer.over)?.name, 'HandshakeError')
  assert.equal(node.peers().length, 0)
})

test('rate limits of a peer are read and kept, in packets and in bytes, per IP, peer and topic [WAKU-41] [WAKU-46] [WAKU-47]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const packetLimits = { ip: 10, peer: 5, topic: 1 }
  const byteLimits = { ip: 1048576, peer: 1048577, topic: 0 }
  const peer = await scriptedPeer(node, { packetLimits })
  assert.deepEqual(node.peers()[0]?.status.packetLimits, packetLimits)
  await peer.send(PacketCode.StatusUpdate, encodeStatusOptions({ byteLimits }))
  await peer.confirm(newEnvelope())
  assert.deepEqual(node.peers()[0]?.status.byteLimits, byteLimits)
  assert.deepEqual(node.peers()[0]?.status.packetLimits, packetLimits)
})

test('a byte limit below the largest packet is not announced [WAKU-48]', async t => {
  const peer = { ip: 0, peer: 1024 * 1024, topic: 0 }
  await assert.rejects(loneNode({ byteLimits: peer }), { name: 'RangeError' })
  const node = await loneNode()
  t.after(() => node.stop())
  await assert.rejects(node.updateStatus({ byteLimits: peer }), { name: 'RangeError' })
  assert.equal(node.status.byteLimits, undefined)
  await node.updateStatus({ byteLimits: { ip: 0, peer: 1024 * 1024 + 16, topic: 0 } })
})
