import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { DisconnectReason } from '../../src/devp2p/disconnect.js'
import type { ReceivedMessage } from '../../src/waku/subscription.js'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { fullBloom } from '../../src/wire/envelope/bloom.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { decodeMessageResponse, RefusalCode } from '../../src/wire/packet/confirmation.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import type { Capability } from '../../src/wire/request/dialect.js'
import { encodeHistoryRequest } from '../../src/wire/request/history-request.js'
import { encodeRawRequest } from '../../src/wire/request/raw-request.js'
import { decodeAnyComplete } from '../../src/wire/request/string-complete.js'
import { encodeList, encodeString } from '../../src/wire/rlp.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { until } from '../helpers/waku-node.js'
import { aRequest, sealPayload } from '../mailserver/request-maker.js'
import { type LegacyNode, legacyNode } from './legacy-node.js'
import { PacketPeer, STATUS } from './packet-peer.js'

const CAPABILITIES: Capability[] = ['waku/1', 'waku/0', 'shh/6']
const OLD = 1_600_000_000

/** After whatever happened, someone else is served live and from the archive. */
async function serves(t: Parameters<typeof legacyNode>[0], node: LegacyNode, capability: Capability): Promise<void> {
  const peer = await PacketPeer.dial(t, node, capability)
  await peer.shakeHands()
  await ask(peer)
  peer.connection.abort(new Error('done'))
}

/** A request for everything, and its completion. */
async function ask(peer: PacketPeer): Promise<Uint8Array> {
  const request = sealPayload(encodeHistoryRequest(aRequest(), 'sg7'))
  await peer.send(PacketCode.Request, request.raw)
  const complete = decodeAnyComplete((await peer.find(PacketCode.RequestComplete)).body)
  assert.equal(toHex(complete.requestId), request.hashHex)
  assert.equal(complete.error, undefined)
  return complete.lastHash
}

for (const capability of CAPABILITIES) {
  test(`${capability}: another packet before Status ends the connection with 0x10 [SHH-03]`, async t => {
    const node = await legacyNode(t, { devp2p: { capabilities: [capability] } })
    for (const code of [0x01, 0x16, 0x7b, 0x7d, 0x7e, 0x7f]) {
      const peer = await PacketPeer.dial(t, node, capability)
      await peer.send(code, Uint8Array.of(0xc0))
      assert.equal(await peer.reason(), DisconnectReason.SubprotocolError, `code ${code}`)
    }
    await serves(t, node, capability)
  })

  test(`${capability}: a Status that is late or invalid ends the connection with 0x10 [SHH-04]`, async t => {
    const node = await legacyNode(t, { waku: { statusTimeout: 200 }, devp2p: { capabilities: [capability] } })
    const silent = await PacketPeer.dial(t, node, capability)
    assert.equal(await silent.reason(), DisconnectReason.SubprotocolError)
    const good = toHex(STATUS[capability].encodeStatus({ pow: 0.002 }))
    const bad = ['7ff8000000000000', '7ff0000000000000', 'bf60624dd2f1a9fc'].map(pow =>
      good.replace('3f60624dd2f1a9fc', pow)
    )
    if (capability !== 'waku/1') bad.push(good.replace(/^(..|f8..)(06|80)/, '$105'))
    for (const status of [...bad, '', 'c3', 'ff', '01', good.slice(0, -2), `${good}00`]) {
      const peer = await PacketPeer.dial(t, node, capability)
      await peer.send(PacketCode.Status, fromHex(status))
      assert.equal(await peer.reason(), DisconnectReason.SubprotocolError, status)
    }
    await serves(t, node, capability)
  })

  test(`${capability}: a second Status and unknown codes change nothing [SHH-01]`, async t => {
    const node = await legacyNode(t, { devp2p: { capabilities: [capability] } })
    const peer = await PacketPeer.dial(t, node, capability)
    await peer.shakeHands({ pow: 0 })
    await peer.send(PacketCode.Status, STATUS[capability].encodeStatus({ pow: 5 }))
    await peer.send(PacketCode.Status, Uint8Array.of(0xff))
    for (let code = 4; code < 0x80; code++) {
      if ([0x0b, 0x0c, 0x14, 0x15, 0x16, 0x7e].includes(code)) continue
      await peer.send(code, randomBytes(50))
    }
    await ask(peer)
    assert.equal(node.waku.peers()[0]?.status.pow ?? 0, 0)
    assert.equal(node.waku.counters.snapshot().status_repeated, 2)
  })

  test(`${capability}: garbage in every packet costs the packet on waku and the connection on Whisper, and nobody else anything`, async t => {
    const node = await legacyNode(t, { devp2p: { capabilities: [capability] } })
    const garbage = [
      new Uint8Array(0),
      Uint8Array.of(0xff),
      Uint8Array.of(0xc1),
      Uint8Array.of(0xb8),
      fromHex('f90fff'),
      fromHex('bfffffffffffffffff'),
      fromHex('c483ffffff'),
      randomBytes(300),
      new Uint8Array(5000).fill(0xc1)
    ]
    const codes = capability === 'shh/6' ? [1, 2, 3, 0x0b, 0x0c, 0x14, 0x7e] : [1, 0x0b, 0x0c, 0x16, 0x7e]
    if (capability !== 'shh/6') {
      const peer = await PacketPeer.dial(t, node, capability)
      await peer.shakeHands()
      for (const code of codes) for (const body of garbage) await peer.send(code, body)
      await ask(peer)
      assert.equal(node.devp2p.connections.length, 1)
      return
    }
    for (const code of codes) {
      const peer = await PacketPeer.dial(t, node, capability)
      await peer.shakeHands()
      await peer.send(code, Uint8Array.of(0xff))
      assert.equal(await peer.reason(), DisconnectReason.SubprotocolError, `code ${code}`)
    }
    await serves(t, node, capability)
  })

  test(`${capability}: a bad envelope costs itself only, whatever is wrong with it`, async t => {
    const node = await legacyNode(t, { devp2p: { capabilities: [capability] } })
    const peer = await PacketPeer.dial(t, node, capability)
    await peer.shakeHands()
    const good = newEnvelope()
    const [stale, ahead] = [newEnvelope({ sent: unixNow() - 1000 }), newEnvelope({ sent: unixNow() + 1000 })]
    const odd = [Uint8Array.of(0xc0), Uint8Array.of(0x80), encodeList([encodeString(randomBytes(40))])]
    await peer.send(PacketCode.Messages, encodeMessages([...odd, stale.raw, good.raw, ahead.raw]))
    const { refused } = decodeMessageResponse((await peer.find(PacketCode.MessageResponse)).body)
    assert.deepEqual(
      refused.map(({ hash, code }) => [toHex(hash), code]),
      [
        ...odd.map(raw => [toHex(keccak256(raw)), RefusalCode.other]),
        [stale.hashHex, RefusalCode.time],
        [ahead.hashHex, RefusalCode.time]
      ]
    )
    await peer.find(PacketCode.BatchAck)
    assert.equal((await node.archive.stats()).envelopes, 1)
    await ask(peer)
  })
}

test('two light nodes part as useless peers', async t => {
  const node = await legacyNode(t, { waku: { light: true }, devp2p: { capabilities: ['waku/1'] } })
  const peer = await PacketPeer.dial(t, node, 'waku/1')
  await peer.send(PacketCode.Status, STATUS['waku/1'].encodeStatus({ light: true }))
  assert.equal(await peer.reason(), DisconnectReason.UselessPeer)
})

test('a pool of several megabytes in one packet is taken', async t => {
  const node = await legacyNode(t, { devp2p: { capabilities: ['waku/0'] } })
  const peer = await PacketPeer.dial(t, node, 'waku/0')
  await peer.shakeHands()
  const envelopes = Array.from({ length: 40 }, () => newEnvelope({ data: randomBytes(100_000) }))
  const body = encodeMessages(envelopes.map(({ raw }) => raw))
  assert.ok(body.length > 4_000_000)
  await peer.send(PacketCode.Messages, body)
  await peer.find(PacketCode.BatchAck)
  assert.equal((await node.archive.stats()).envelopes, 40)
})

test('more than a Status can hold is not accepted before Status', async t => {
  const node = await legacyNode(t, { devp2p: { capabilities: ['waku/1'] } })
  const peer = await PacketPeer.dial(t, node, 'waku/1')
  await peer.send(PacketCode.Messages, new Uint8Array(200_000))
  assert.equal(await peer.reason(), DisconnectReason.BreachOfProtocol)
})

test('history that nobody asked for is dropped without being looked at, trusted or not, and counted [USE-02]', async t => {
  const node = await legacyNode(t, { devp2p: { capabilities: ['waku/1'] } })
  const peer = await PacketPeer.dial(t, node, 'waku/1')
  await peer.shakeHands()
  const messages: ReceivedMessage[] = []
  node.waku.subscribe({ historic: true }, message => messages.push(message))
  for (const trusted of [false, true]) {
    if (trusted) await node.trust.add(peer.connection.peer).catch(() => {})
    await peer.send(PacketCode.P2PMessage, encodeMessages([newEnvelope({ sent: OLD }).raw]))
    await peer.send(PacketCode.P2PMessage, randomBytes(1000))
    await peer.send(PacketCode.RequestComplete, encodeString(new Uint8Array(64)))
    await peer.send(PacketCode.RequestComplete, randomBytes(1000))
    await ask(peer)
  }
  assert.equal(node.devp2p.tally.get('answers_unasked'), 8)
  assert.deepEqual(messages, [])
  assert.equal((await node.archive.stats()).envelopes, 0)
})

test('requests and completions beyond 16 KiB are dropped on waku and end a Whisper connection', async t => {
  const node = await legacyNode(t)
  const waku = await PacketPeer.dial(t, node, 'waku/1')
  await waku.shakeHands()
  for (const code of [PacketCode.Request, PacketCode.RequestComplete]) await waku.send(code, new Uint8Array(17_000))
  await ask(waku)
  assert.equal(node.devp2p.tally.get('packets_oversized'), 2)
  const shh = await PacketPeer.dial(t, node, 'shh/6')
  await shh.shakeHands()
  await shh.send(PacketCode.Request, new Uint8Array(17_000))
  assert.equal(await shh.reason(), DisconnectReason.SubprotocolError)
})

test('a flood of requests is answered in turn, each once and in order, while others are served [D-02]', async t => {
  const node = await legacyNode(t, { devp2p: { capabilities: ['waku/1'] } })
  await node.archive.append(Array.from({ length: 50 }, (_, i) => newEnvelope({ sent: OLD + i })))
  const peer = await PacketPeer.dial(t, node, 'waku/1')
  await peer.shakeHands()
  const requests = Array.from({ length: 300 }, (_, i) =>
    sealPayload(encodeHistoryRequest(aRequest({ limit: 1 + (i % 50) }), 'sg7'))
  )
  const flooding = (async () => {
    for (const { raw } of requests) await peer.send(PacketCode.Request, raw)
  })()
  await serves(t, node, 'waku/1')
  await flooding
  for (const { hashHex } of requests) {
    const complete = decodeAnyComplete((await peer.find(PacketCode.RequestComplete)).body)
    assert.equal(toHex(complete.requestId), hashHex)
    assert.equal(complete.error, undefined)
  }
})

test('who asks for a whole archive and then stops reading is given up; memory and others are unharmed', async t => {
  const node = await legacyNode(t, { devp2p: { capabilities: ['waku/1'], writeTimeout: 700 } })
  for (let i = 0; i < 20; i++) {
    await node.archive.append(
      Array.from({ length: 20 }, (_, n) => newEnvelope({ sent: OLD + i * 20 + n, data: randomBytes(100_000) }))
    )
  }
  const before = process.memoryUsage()
  const stalled = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const peer = await PacketPeer.dial(t, node, 'waku/1')
      await peer.shakeHands()
      peer.stall()
      const payload = encodeRawRequest(aRequest({ lower: 0, upper: 0xffff_fffe, bloom: fullBloom() }), 'raw72')
      await peer.send(PacketCode.Request, sealPayload(payload).raw)
      return peer
    })
  )
  await serves(t, node, 'waku/1')
  const after = process.memoryUsage()
  const grown = after.arrayBuffers + after.external - before.arrayBuffers - before.external
  assert.ok(grown < 120e6, `4 stalled readers of 40 MB each took ${Math.round(grown / 1e6)} MB`)
  await until(() => node.devp2p.connections.length <= 1, 10_000)
  await until(() => node.mailserver.tally.get('requesters_gone') === stalled.length, 10_000)
  await serves(t, node, 'waku/1')
})

test('live packets pass a history that is being sent', async t => {
  const node = await legacyNode(t, { devp2p: { capabilities: ['waku/1'] } })
  for (let i = 0; i < 10; i++) {
    await node.archive.append(
      Array.from({ length: 20 }, (_, n) => newEnvelope({ sent: OLD + i * 20 + n, data: randomBytes(100_000) }))
    )
  }
  const peer = await PacketPeer.dial(t, node, 'waku/1')
  await peer.shakeHands()
  const payload = encodeRawRequest(aRequest({ lower: 0, upper: 0xffff_fffe, bloom: fullBloom() }), 'raw72')
  await peer.send(PacketCode.Request, sealPayload(payload).raw)
  await peer.find(PacketCode.P2PMessage)
  const { envelope } = await node.waku.post({ envelope: newEnvelope() }, { timeout: 1 })
  const live = await peer.find(PacketCode.Messages)
  assert.equal(toHex(live.body), toHex(encodeMessages([envelope.raw])))
  const rest = await peer.find(PacketCode.P2PMessage)
  assert.ok(rest.body.length > 0, 'history goes on after it')
  await peer.find(PacketCode.RequestComplete)
})
