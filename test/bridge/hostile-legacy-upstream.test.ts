import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { UpstreamRelayInit } from '../../src/bridge/upstream-relay-settings.js'
import { Devp2pService } from '../../src/devp2p/devp2p-service.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import type { IncomingRequest, RequestHandler } from '../../src/waku/mail-exchange.js'
import { WakuNode } from '../../src/waku/waku-node.js'
import { decodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeStringComplete } from '../../src/wire/request/string-complete.js'
import { encodeString } from '../../src/wire/rlp.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { silentLogger } from '../helpers/logger.js'
import { until } from '../helpers/waku-node.js'
import { aPeer, TestRequest } from '../mailserver/fixture.js'
import { sealRequest } from '../mailserver/request-maker.js'
import { bridgeNode } from './bridge-node.js'

const THEIRS = new Uint8Array(32).fill(0x33)
const NO_HASH = new Uint8Array(32)
const QUICK = { firstTimeout: 500, overallTimeout: 1000 }

/** A devp2p server that answers as the test says. */
async function legacyLiar(t: TestContext, handle: RequestHandler): Promise<{ enode: string }> {
  const key = new NodeKey()
  const waku = new WakuNode({ peerId: key.peerId, logger: silentLogger() }, { pow: 0 })
  const devp2p = new Devp2pService(
    { logger: silentLogger(), services: () => ({ waku, handle }) },
    { key, listen: [{ host: '127.0.0.1', port: 0 }] }
  )
  await waku.beforeStart()
  waku.start()
  await devp2p.start()
  t.after(async () => {
    await waku.beforeStop()
    await devp2p.stop()
    waku.stop()
  })
  return { enode: devp2p.enode as string }
}

const idOf = ({ body }: IncomingRequest): Uint8Array => decodeEnvelope(body).hash

async function honestly(request: IncomingRequest): Promise<void> {
  const envelope = newEnvelope()
  await request.send(PacketCode.P2PMessage, encodeMessages([envelope.raw]))
  const complete = { requestId: idOf(request), lastHash: envelope.hash }
  await request.send(PacketCode.RequestComplete, encodeStringComplete(complete))
}

const lies: Record<string, (request: IncomingRequest) => Promise<void>> = {
  'says nothing': async () => {},
  'sends a completion whose cursor was cut short': async request => {
    await request.send(PacketCode.RequestComplete, encodeString(new Uint8Array([...idOf(request), ...NO_HASH, 1, 2])))
  },
  'completes another request': async request => {
    const complete = { requestId: new Uint8Array(32).fill(9), lastHash: NO_HASH }
    await request.send(PacketCode.RequestComplete, encodeStringComplete(complete))
  },
  'sends what is no envelope': async request => {
    await request.send(PacketCode.P2PMessage, encodeMessages([Uint8Array.of(0xc3, 1, 2, 3)]))
  },
  'sends more envelopes than an answer may have': async request => {
    for (let i = 0; i < 20; i++) {
      const envelopes = Array.from({ length: 20 }, () => newEnvelope().raw)
      await request.send(PacketCode.P2PMessage, encodeMessages(envelopes))
    }
    const complete = { requestId: idOf(request), lastHash: NO_HASH }
    await request.send(PacketCode.RequestComplete, encodeStringComplete(complete))
  },
  'ends the connection': async request => request.abort(new Error('bye'))
}

for (const [what, lie] of Object.entries(lies)) {
  test(`a devp2p upstream that ${what}: error 12 in time, and it is asked again later`, async t => {
    let count = 0
    const liar = await legacyLiar(t, request => (count++ === 0 ? lie(request) : honestly(request)))
    const bridge = await bridgeNode(t, {
      requestKey: THEIRS,
      upstreams: node => [node.upstream(liar)],
      relay: { ...QUICK, maxAnswerEnvelopes: 200 },
      devp2p: { drainTimeout: 300 }
    })
    const first = new TestRequest(await aPeer(), sealRequest())
    const began = performance.now()
    await bridge.mailserver.handle(first)
    assert.equal(first.errorCode, 12)
    assert.ok(performance.now() - began < 4000)
    assert.ok(first.envelopes.length <= 200)
    const second = new TestRequest(await aPeer(), sealRequest())
    await bridge.mailserver.handle(second)
    assert.equal(second.completion.error, undefined)
    assert.equal(second.envelopes.length, 1)
  })
}

/** How an honest request fares while three others, each of an address of its own, take none of their answers of 8 MB. */
async function besideStuck(
  t: TestContext,
  relay: UpstreamRelayInit
): Promise<{ errorCode: number | undefined; slow: number; turns: number }> {
  const [envelope] = [newEnvelope({ data: new Uint8Array(200_000) })]
  let large = 3
  const upstream = await legacyLiar(t, async request => {
    if (large-- > 0) {
      for (let i = 0; i < 40; i++) await request.send(PacketCode.P2PMessage, encodeMessages([envelope.raw]))
      const complete = { requestId: idOf(request), lastHash: envelope.hash }
      await request.send(PacketCode.RequestComplete, encodeStringComplete(complete))
    } else await honestly(request)
  })
  const bridge = await bridgeNode(t, {
    requestKey: THEIRS,
    upstreams: node => [node.upstream(upstream)],
    relay
  })
  const stuck: TestRequest[] = []
  for (let i = 0; i < 3; i++) {
    const request = new TestRequest(await aPeer(), sealRequest())
    request.beforeSend = () =>
      new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)))
    stuck.push(request)
    void bridge.mailserver.handle(request)
  }
  const honest = new TestRequest(await aPeer(), sealRequest())
  await until(() => bridge.relay.tally.get('requests_forwarded') > 0)
  await bridge.mailserver.handle(honest)
  for (const request of stuck) request.abort(new Error('the test is over'))
  const { tally } = bridge.relay
  return {
    errorCode: honest.errorCode,
    slow: tally.get('requesters_slow'),
    turns: tally.get('requests_forwarded')
  }
}

test('what requesters do not take is held for them as long as each address leaves as much to others: their turns end', async t => {
  assert.deepEqual(await besideStuck(t, { requesterPatience: 60_000, firstTimeout: 30_000, overallTimeout: 40_000 }), {
    errorCode: undefined,
    slow: 0,
    turns: 4
  })
})

const NARROW = { aheadBytes: 2 * 1024 * 1024 }

test('requesters that take nothing of what is larger than waits for them give way at a devp2p upstream', async t => {
  const patience = { requesterPatience: 100, firstTimeout: 30_000, overallTimeout: 40_000 }
  assert.deepEqual(await besideStuck(t, { ...NARROW, ...patience }), { errorCode: undefined, slow: 3, turns: 4 })
})

test('the control: with all patience the first of them has the upstream for as long as an answer may take', async t => {
  const patience = { requesterPatience: 60_000, firstTimeout: 1500, overallTimeout: 3000 }
  assert.deepEqual(await besideStuck(t, { ...NARROW, ...patience }), { errorCode: 10, slow: 0, turns: 1 })
})

test('a devp2p upstream that says only that it is through: the last hash is that of what was sent', async t => {
  const envelope = newEnvelope()
  const liar = await legacyLiar(t, async request => {
    await request.send(PacketCode.P2PMessage, encodeMessages([envelope.raw]))
    await request.send(PacketCode.RequestComplete, encodeString(idOf(request)))
  })
  const bridge = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(liar)] })
  const request = new TestRequest(await aPeer(), sealRequest())
  await bridge.mailserver.handle(request)
  assert.deepEqual(request.completion.lastHash, envelope.hash)
  assert.deepEqual(
    request.envelopes.map(({ raw }) => raw),
    [envelope.raw]
  )
})
