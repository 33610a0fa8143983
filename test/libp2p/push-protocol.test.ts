import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PUSH_PROTOCOL, PushProtocol } from '../../src/libp2p/push-protocol.js'
import type { ReceivedMessage } from '../../src/waku/subscription.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { EMPTY_LIST, encodeString } from '../../src/wire/rlp.js'
import { writeAtOnce } from '../helpers/at-once.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { libp2pNode } from '../helpers/libp2p-node.js'
import { until } from '../helpers/waku-node.js'
import { clientNode, ending } from './mail-nodes.js'

type Test = Parameters<typeof clientNode>[0]

/** A node that accepts pushes, and one that pushes. */
async function pair(t: Test, options: { trusted?: boolean; bytesPerDay?: number } = {}) {
  const pusher = await libp2pNode()
  t.after(() => pusher.stop())
  const receiver = await clientNode(t, [])
  if (options.trusted !== false) await receiver.trust.add(pusher.peerId, { bytesPerDay: options.bytesPerDay })
  const push = new PushProtocol(receiver.components, receiver.client)
  await push.start()
  t.after(() => push.stop())
  const messages: ReceivedMessage[] = []
  receiver.waku.subscribe({}, message => messages.push(message))
  const connection = await pusher.dial(receiver.libp2p.getMultiaddrs())
  return { receiver, messages, pusher, connection, open: () => connection.newStream(PUSH_PROTOCOL) }
}

const expired = () => newEnvelope({ sent: 1_500_000_000 })

test('what a trusted peer pushes reaches the filters as history, expired as it is [MAIL-28]', async t => {
  const { open, messages, pusher } = await pair(t)
  const envelopes = [expired(), expired(), expired()]
  const stream = await open()
  stream.send(encodeFrame(PacketCode.P2PMessage, encodeMessages(envelopes.slice(0, 2).map(({ raw }) => raw))))
  stream.send(encodeFrame(0x33, EMPTY_LIST))
  stream.send(
    encodeFrame(
      PacketCode.P2PMessage,
      encodeMessages([envelopes[0]?.raw, EMPTY_LIST, envelopes[2]?.raw] as Uint8Array[])
    )
  )
  await stream.close()
  assert.equal(await ending(stream), 'closed')
  assert.deepEqual(
    messages.map(({ envelope, historic, peer }) => [envelope.hashHex, historic, peer?.equals(pusher.peerId)]),
    envelopes.map(({ hashHex }) => [hashHex, true, true])
  )
})

test('a push that comes in one piece with the negotiation and the end is taken whole', async t => {
  const { connection, messages } = await pair(t)
  for (let round = 1; round <= 5; round++) {
    const frames = [expired(), expired()].map(({ raw }) => encodeFrame(PacketCode.P2PMessage, raw))
    const { status } = await writeAtOnce(connection, PUSH_PROTOCOL, Buffer.concat(frames))
    assert.equal(status, 'closed')
    assert.equal(messages.length, 2 * round)
  }
})

test('a pushed body that is a single envelope, without a list around it, is taken too', async t => {
  const { open, messages } = await pair(t)
  const [first, second] = [expired(), expired()]
  const stream = await open()
  for (const { raw } of [first, second]) stream.send(encodeFrame(PacketCode.P2PMessage, raw))
  await stream.close()
  assert.equal(await ending(stream), 'closed')
  assert.deepEqual(
    messages.map(({ envelope }) => envelope.hashHex),
    [first.hashHex, second.hashHex]
  )
})

test('a peer that leaves two pushes open may not begin a third; it may once one is closed', async t => {
  const { open, messages } = await pair(t)
  const left = [await open(), await open()] as const
  for (const stream of left) stream.send(encodeFrame(PacketCode.P2PMessage, expired().raw))
  await until(() => messages.length === 2)
  const third = await open().catch(() => undefined)
  if (third !== undefined) assert.equal(await ending(third), 'reset')
  await left[0].close()
  assert.equal(await ending(left[0]), 'closed')
  const fourth = await open()
  fourth.send(encodeFrame(PacketCode.P2PMessage, expired().raw))
  await fourth.close()
  assert.equal(await ending(fourth), 'closed')
  assert.equal(messages.length, 3)
})

test('the stream of anyone else is reset before a byte is decoded [MAIL-26] [MAIL-27]', async t => {
  const { open, messages } = await pair(t, { trusted: false })
  const stream = await open()
  try {
    stream.send(encodeFrame(PacketCode.P2PMessage, encodeMessages([expired().raw])))
  } catch {
    // reset already
  }
  assert.equal(await ending(stream), 'reset')
  assert.deepEqual(messages, [])
})

test('trust that ends while a stream is open ends the stream [D-09]', async t => {
  const { open, messages, receiver, pusher } = await pair(t)
  const stream = await open()
  const first = new Promise(resolve => receiver.waku.subscribe({}, resolve))
  stream.send(encodeFrame(PacketCode.P2PMessage, encodeMessages([expired().raw])))
  await first
  await receiver.trust.remove(pusher.peerId)
  stream.send(encodeFrame(PacketCode.P2PMessage, encodeMessages([expired().raw])))
  assert.equal(await ending(stream), 'reset')
  assert.equal(messages.length, 1)
  assert.equal(receiver.client.tally.get('packets_untrusted'), 1)
})

test('a push past the byte budget is reset, and the peer is reported [MAIL-38]', async t => {
  const { open, messages, receiver } = await pair(t, { bytesPerDay: 500 })
  const reports: string[] = []
  receiver.client.addEventListener('report', ({ detail }) => reports.push(detail.reason))
  const stream = await open()
  for (let i = 0; i < 2; i++) {
    stream.send(encodeFrame(PacketCode.P2PMessage, encodeMessages([expired().raw])))
  }
  assert.equal(await ending(stream), 'reset')
  assert.equal(messages.length, 1)
  assert.deepEqual(reports, ['budget'])
})

test('a body that is no list of envelopes resets the stream', async t => {
  const { open, messages } = await pair(t)
  const stream = await open()
  stream.send(encodeFrame(PacketCode.P2PMessage, encodeString(new Uint8Array(50))))
  assert.equal(await ending(stream), 'reset')
  assert.deepEqual(messages, [])
})
