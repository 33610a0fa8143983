import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { MessageFilter, ReceivedMessage } from '../../src/waku/subscription.js'
import type { WakuNode } from '../../src/waku/waku-node.js'
import { toHex } from '../../src/wire/bytes.js'
import { encodePayload } from '../../src/wire/payload/payload.js'
import { sealSymmetric } from '../../src/wire/payload/symmetric.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { newPeerId } from '../helpers/memory-channel.js'
import { loneNode, scriptedPeer } from '../helpers/scripted-peer.js'
import { until } from '../helpers/waku-node.js'

const topicA = Uint8Array.of(1, 1, 1, 1)
const topicB = Uint8Array.of(2, 2, 2, 2)
const keyA = new Uint8Array(32).fill(0xa)
const keyB = new Uint8Array(32).fill(0xb)
const text = (said: string): Uint8Array => new TextEncoder().encode(said)

function listen(node: WakuNode, filter: MessageFilter): ReceivedMessage[] {
  const heard: ReceivedMessage[] = []
  node.subscribe(filter, message => heard.push(message))
  return heard
}

test('subscribers get what passes their topics, key and signer', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const secret = new Uint8Array(32).fill(7)
  const signer = secp256k1.getPublicKey(secret, false)
  const everything = listen(node, {})
  const onA = listen(node, { topics: [topicA] })
  const onBoth = listen(node, { topics: [topicA, topicB, topicA] })
  const opened = listen(node, { topics: [topicA], key: keyA })
  const anyTopicOpened = listen(node, { key: keyA })
  const signed = listen(node, { topics: [topicA, topicB], key: keyA, signer })
  const otherSigner = listen(node, { key: keyA, signer: secp256k1.getPublicKey(keyB, false) })

  const posted = [
    await node.post({ topic: topicA, key: keyA, payload: text('one') }),
    await node.post({ topic: topicA, key: keyB, payload: text('two') }),
    await node.post({ topic: topicB, key: keyA, payload: text('three'), signWith: secret })
  ].map(({ envelope }) => envelope.hashHex)
  const of = (heard: ReceivedMessage[]): number[] => heard.map(({ envelope }) => posted.indexOf(envelope.hashHex))
  assert.deepEqual(of(everything), [0, 1, 2])
  assert.deepEqual(of(onA), [0, 1])
  assert.deepEqual(of(onBoth), [0, 1, 2])
  assert.deepEqual(of(opened), [0])
  assert.deepEqual(of(anyTopicOpened), [0, 2])
  assert.deepEqual(of(signed), [2])
  assert.deepEqual(of(otherSigner), [])
  assert.equal(everything[0]?.payload, undefined)
  assert.equal(new TextDecoder().decode(opened[0]?.payload), 'one')
  assert.equal(opened[0]?.signer, undefined)
  assert.equal(toHex(signed[0]?.signer as Uint8Array), toHex(signer))
  assert.equal(opened[0]?.historic, false)
})

test('live and historic go through the same filters, each hash once to a subscriber [MAIL-29]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const all = listen(node, { topics: [topicA] })
  const liveOnly = listen(node, { topics: [topicA], historic: false })
  const peer = await scriptedPeer(node)
  const server = await newPeerId()
  const [live, old] = [newEnvelope({ topic: topicA }), newEnvelope({ topic: topicA, sent: 1000 })]
  await peer.confirm(live)
  assert.equal(node.deliverHistoric(live, server), false)
  assert.equal(node.deliverHistoric(old, server), true)
  assert.equal(node.deliverHistoric(old, server), false)
  assert.deepEqual(
    all.map(({ envelope, historic, peer: from }) => [envelope.hashHex, historic, from?.toString()]),
    [
      [live.hashHex, false, peer.peer.toString()],
      [old.hashHex, true, server.toString()]
    ]
  )
  assert.equal(liveOnly.length, 1)
  // whoever subscribes later has not had it
  const late = listen(node, { topics: [topicA] })
  assert.equal(node.deliverHistoric(live, server), true)
  assert.equal(late.length, 1)
  assert.equal(all.length, 2)
  // nobody wants this one, so nobody had it
  assert.equal(node.deliverHistoric(newEnvelope({ topic: topicB }), server), true)
})

test("a subscriber's memory is bounded", async t => {
  const node = await loneNode({ deliveredMemory: 2 })
  t.after(() => node.stop())
  const server = await newPeerId()
  const heard = listen(node, {})
  const [one, two, three] = [newEnvelope(), newEnvelope(), newEnvelope()]
  for (const envelope of [one, two, two, three, three, two, one]) node.deliverHistoric(envelope, server)
  assert.deepEqual(
    heard.map(({ envelope }) => envelope.hashHex),
    [one, two, three, one].map(({ hashHex }) => hashHex)
  )
})

test('a subscriber that throws harms nobody', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  node.subscribe({}, () => {
    throw new Error('test')
  })
  node.subscribe({}, async () => {
    throw new Error('test, later')
  })
  const heard = listen(node, {})
  const peer = await scriptedPeer(node)
  assert.deepEqual(await peer.confirm(newEnvelope()), [])
  assert.equal(heard.length, 1)
  await until(() => node.counters.get('subscriber_errors') === 2)
})

test('a subscription that was ended gets nothing more', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const heard: ReceivedMessage[] = []
  const end = node.subscribe({ topics: [topicA] }, message => heard.push(message))
  const server = await newPeerId()
  node.deliverHistoric(newEnvelope({ topic: topicA }), server)
  end()
  end()
  node.deliverHistoric(newEnvelope({ topic: topicA }), server)
  assert.equal(heard.length, 1)
})

test('what the key opens but is no payload is not delivered, and breaks nothing', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const heard = listen(node, { key: keyA })
  const server = await newPeerId()
  const broken = [
    Uint8Array.of(3, 0xff, 0xff, 0xff),
    new Uint8Array([7]),
    encodePayload({ payload: text('x') }).slice(0, 1)
  ]
  for (const plain of broken) node.deliverHistoric(newEnvelope({ data: sealSymmetric(plain, keyA) }), server)
  node.deliverHistoric(newEnvelope({ data: new Uint8Array(0) }), server)
  assert.deepEqual(heard, [])
})

test('a filter that cannot be is a clear error', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const bad: MessageFilter[] = [
    { topics: [new Uint8Array(3)] },
    { key: new Uint8Array(31) },
    { key: new Uint8Array(32) },
    { key: keyA, signer: new Uint8Array(33) },
    { signer: new Uint8Array(65) }
  ]
  for (const filter of bad) assert.throws(() => node.subscribe(filter, () => {}), { name: 'TypeError' })
})
