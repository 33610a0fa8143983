import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WakuNode } from '../../src/waku/waku-node.js'
import { fromHex } from '../../src/wire/bytes.js'
import { decodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { powOf } from '../../src/wire/envelope/pow.js'
import { encodeBatchAck, encodeMessageResponse } from '../../src/wire/packet/confirmation.js'
import { batchHash, splitMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { decodePayload } from '../../src/wire/payload/payload.js'
import { openSymmetric } from '../../src/wire/payload/symmetric.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { silentLogger } from '../helpers/logger.js'
import { newPeerId } from '../helpers/memory-channel.js'
import { loneNode, type ScriptedPeer, scriptedPeer } from '../helpers/scripted-peer.js'
import { until } from '../helpers/waku-node.js'
import { listenerWarnings } from '../helpers/warnings.js'

const topic = fromHex('01020304')
const key = new Uint8Array(32).fill(5)
const payload = new TextEncoder().encode('hello')

/** Answers the next Messages packet; with a code every envelope of it is refused. */
async function answer(peer: ScriptedPeer, refuse?: number, order: 'usual' | 'reversed' = 'usual'): Promise<void> {
  const { body } = await peer.next(PacketCode.Messages)
  const batch = batchHash(body)
  const hashes = splitMessages(body).map(({ raw }) => decodeEnvelope(raw).hash)
  const refused = refuse === undefined ? [] : hashes.map(hash => ({ hash, code: refuse, text: 'because' }))
  const packets: Array<[number, Uint8Array]> = [
    [PacketCode.MessageResponse, encodeMessageResponse({ batch, refused })],
    [PacketCode.BatchAck, encodeBatchAck(batch)]
  ]
  if (order === 'reversed') packets.reverse()
  for (const [code, packet] of packets) await peer.send(code, packet)
}

test('says who confirmed and who refused why; either order of the two packets counts', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const yes = await scriptedPeer(node, { confirmations: true })
  const reversed = await scriptedPeer(node, { confirmations: true })
  const no = await scriptedPeer(node, { confirmations: true })
  const legacy = await scriptedPeer(node, { confirmations: true })
  const mute = await scriptedPeer(node, { confirmations: false })
  const answers = [answer(yes), answer(reversed, undefined, 'reversed'), answer(no, 2), answer(legacy, 21)]
  const result = await node.post({ topic, key, payload, ttl: 30 })
  await Promise.all(answers)
  const names = (peers: Array<{ toString(): string }>): string[] => peers.map(String).sort()
  assert.deepEqual(names(result.confirmed), names([yes.peer, reversed.peer]))
  assert.deepEqual(
    result.refused.map(({ peer, code, text }) => [peer.toString(), code, text]).sort(),
    [
      [no.peer.toString(), 2, 'because'],
      [legacy.peer.toString(), 21, 'because']
    ].sort()
  )
  assert.deepEqual(names(result.sent), names([yes, reversed, no, legacy, mute].map(({ peer }) => peer)))
  assert.deepEqual(result.unanswered, [])
  const { envelope } = result
  assert.equal(envelope.ttl, 30)
  assert.ok(Math.abs(envelope.sent - unixNow()) <= 1)
  assert.deepEqual(decodePayload(openSymmetric(envelope.data, key) as Uint8Array).payload, payload)
})

test('a peer that does not answer in full is left unanswered after the timeout [WAKU-59]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await scriptedPeer(node, { confirmations: true })
  const posting = node.post({ topic, key, payload }, { timeout: 60 })
  const { body } = await peer.next(PacketCode.Messages)
  const other = new Uint8Array(32).fill(1)
  await peer.send(PacketCode.BatchAck, encodeBatchAck(batchHash(body)))
  await peer.send(PacketCode.MessageResponse, encodeMessageResponse({ batch: other, refused: [] }))
  const result = await posting
  assert.deepEqual(result.confirmed, [])
  assert.deepEqual(result.unanswered.map(String), [peer.peer.toString()])
  assert.equal(node.counters.get('confirmations_unexpected'), 1)
})

test('to one peer: only that one is sent it; it has to be there, to confirm, and to want it', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await scriptedPeer(node, { confirmations: true, topics: [topic] })
  const mute = await scriptedPeer(node, {})
  const post = (to: ScriptedPeer['peer'], of = topic): Promise<unknown> => node.post({ topic: of, key, payload, to })
  await assert.rejects(post(await newPeerId()), { name: 'NotConnectedError' })
  await assert.rejects(post(mute.peer), { name: 'NoConfirmationsError' })
  await assert.rejects(post(peer.peer, fromHex('ffffffff')), { name: 'UnwantedEnvelopeError' })
  const answering = answer(peer)
  const result = await node.post({ topic, key, payload, to: peer.peer })
  await answering
  assert.deepEqual(result.confirmed.map(String), [peer.peer.toString()])
  const last = newEnvelope()
  await node.post({ envelope: last }, { timeout: 20 })
  await until(() => mute.envelopes.length > 0)
  assert.deepEqual(mute.envelopes, [last.hashHex])
})

test('mines what the receiver asks for, or refuses to send what falls short [WAKU-31]', async t => {
  const node = await loneNode({ pow: 0.000002 })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node, { confirmations: true, pow: 0.5 })
  const answering = answer(peer)
  const { envelope } = await node.post({ topic, key, payload, to: peer.peer })
  await answering
  assert.ok(powOf(envelope) >= 0.5)
  await assert.rejects(node.post({ topic, key, payload, pow: 0.000001, to: peer.peer }), {
    name: 'UnwantedEnvelopeError'
  })
  await peer.send(PacketCode.StatusUpdate, fromHex('cbca80887fe0000000000000'))
  await until(() => node.counters.get('status_updates') === 1)
  await assert.rejects(node.post({ topic, key, payload, to: peer.peer }), { name: 'MiningTargetError' })
})

test('an envelope of our own is stored, delivered and offered to those who come later, and not taken in twice', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const stored: string[] = []
  node.setStore({
    append: async envelopes => {
      stored.push(...envelopes.map(({ hashHex }) => hashHex))
      return envelopes.map(() => 'stored')
    }
  })
  const heard: string[] = []
  node.subscribe({}, ({ envelope, peer }) => heard.push(`${envelope.hashHex} ${peer}`))
  const { envelope, sent } = await node.post({ topic, payload })
  assert.deepEqual(sent, [])
  assert.deepEqual(envelope.data, payload)
  await node.post({ envelope })
  const late = await scriptedPeer(node)
  assert.equal((await late.nextEnvelopes())[0]?.hashHex, envelope.hashHex)
  assert.deepEqual(await late.confirm(envelope), [])
  assert.deepEqual(stored, [envelope.hashHex])
  assert.deepEqual(heard, [`${envelope.hashHex} undefined`])
})

test('the defaults keep to the usage of the network: requirement at most 0.002, that much work, TTL at least 10 s [USE-01] [SHH-08]', async t => {
  const node = new WakuNode({ peerId: await newPeerId(), logger: silentLogger() })
  node.start()
  t.after(() => node.stop())
  assert.ok((node.status.pow as number) <= 0.000002)
  for (let i = 0; i < 20; i++) {
    const { envelope } = await node.post({ topic, key, payload })
    assert.ok(envelope.ttl >= 10)
    assert.ok(powOf(envelope) >= 0.002)
  }
  const { envelope: large } = await node.post({ topic, key, payload: new Uint8Array(60_000) })
  assert.ok(powOf(large) >= 0.000002)
})

test('a light peer is sent what it wants but is not counted on to pass it on [WAKU-50]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const light = await scriptedPeer(node, { light: true })
  const { sent, envelope } = await node.post({ topic, payload })
  assert.deepEqual(sent, [])
  assert.equal((await light.nextEnvelopes())[0]?.hashHex, envelope.hashHex)
  const full = await scriptedPeer(node)
  assert.equal((await full.nextEnvelopes())[0]?.hashHex, envelope.hashHex)
})

test('a message that no peer would take is a clear error', async t => {
  const node = await loneNode({ maxTtl: 100 })
  t.after(() => node.stop())
  const bad = [
    { topic: fromHex('010203'), payload },
    { topic, payload, ttl: 0 },
    { topic, payload, ttl: 1.5 },
    { topic, payload, ttl: 101 },
    { topic, payload, key: new Uint8Array(16) },
    { topic, payload, key: new Uint8Array(32) },
    { topic, payload, signWith: key },
    { topic, payload: new Uint8Array(1024 * 1024) },
    { envelope: newEnvelope({ sent: unixNow() - 100 }) },
    { envelope: newEnvelope({ ttl: 0 }) }
  ]
  for (const message of bad) await assert.rejects(node.post(message), { name: 'InvalidPostError' })
  node.stop()
  await assert.rejects(node.post({ topic, payload }), { name: 'WakuStoppedError' })
})

test('an abort ends the waiting; a conversation that ends leaves the peer unanswered', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await scriptedPeer(node, { confirmations: true })
  const controller = new AbortController()
  const posting = node.post({ topic, key, payload }, { signal: controller.signal })
  await peer.next(PacketCode.Messages)
  controller.abort(new Error('changed my mind'))
  await assert.rejects(posting, { message: 'changed my mind' })
  const again = node.post({ topic, key, payload })
  await peer.next(PacketCode.Messages)
  peer.channel.abort(new Error('gone'))
  assert.deepEqual((await again).unanswered.map(String), [peer.peer.toString()])
})

test('when one of two conversations with the peer ends, the other one is asked', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const peer = await newPeerId()
  const first = await scriptedPeer(node, { confirmations: true }, { peer })
  const second = await scriptedPeer(node, { confirmations: true }, { peer })
  const posting = node.post({ topic, key, payload, to: peer })
  await second.next(PacketCode.Messages)
  second.channel.abort(new Error('gone'))
  await answer(first)
  assert.deepEqual((await posting).confirmed.map(String), [peer.toString()])
})

test('a post to a peer that does not read waits for it in bounds, and reaches it once when it reads', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const stuck = await scriptedPeer(node, { confirmations: true })
  const near = (stuck.channel as unknown as { other: { gate: Promise<void> | undefined } }).other
  let open: () => void = () => {}
  near.gate = new Promise(resolve => {
    open = resolve
  })
  const envelopes = Array.from({ length: 40 }, (_, i) => newEnvelope({ data: new Uint8Array(100_000).fill(i) }))
  const results = await Promise.all(envelopes.map(envelope => node.post({ envelope }, { timeout: 20 })))
  assert.equal(results.filter(({ unanswered }) => unanswered.length === 1).length, 40)
  assert.equal(stuck.envelopes.length, 0)
  open()
  await until(() => stuck.envelopes.length >= 40)
  const last = newEnvelope()
  await node.post({ envelope: last }, { timeout: 20 })
  await until(() => stuck.envelopes.includes(last.hashHex))
  assert.deepEqual([...stuck.envelopes].sort(), [...envelopes, last].map(({ hashHex }) => hashHex).sort())
})

test('however many peers a post goes to, and a node stops with, none listens where all do', async t => {
  const warnings = listenerWarnings(t)
  const node = await loneNode()
  t.after(() => node.stop())
  const peers = await Promise.all(Array.from({ length: 12 }, () => scriptedPeer(node, { confirmations: true })))
  const answers = peers.map(peer => answer(peer))
  const { confirmed } = await node.post({ topic, key, payload, ttl: 30 })
  assert.equal(confirmed.length, 12)
  await Promise.all(answers)
  await node.beforeStop()
  await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(warnings, [])
})
