import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { UpstreamRelayInit } from '../../src/bridge/upstream-relay-settings.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import type { RequestComplete } from '../../src/wire/request/request-complete.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { until } from '../helpers/waku-node.js'
import { complete, deliver, honest, NO_HASH } from '../libp2p/lying-server.js'
import { ending, lyingServer, RawRequester, rawRequester, type Script } from '../libp2p/mail-nodes.js'
import { aPeer, TestRequest } from '../mailserver/fixture.js'
import { sealRequest } from '../mailserver/request-maker.js'
import { type BridgeNode, bridgeNode } from './bridge-node.js'

const THEIRS = new Uint8Array(32).fill(0x33)
const SHORT = { firstTimeout: 400, overallTimeout: 800 }

/** A requester at a node whose upstream does what the script says. */
async function behind(
  t: TestContext,
  script: Script,
  relay: UpstreamRelayInit = SHORT
): Promise<{ requester: RawRequester; bridge: BridgeNode; lines: Awaited<ReturnType<typeof lyingServer>>['lines'] }> {
  const liar = await lyingServer(t, script)
  const bridge = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(liar)], relay })
  const { requester } = await rawRequester(t, bridge)
  return { requester, bridge, lines: liar.lines }
}

async function outcome(t: TestContext, script: Script, relay?: UpstreamRelayInit) {
  const { requester, bridge } = await behind(t, script, relay)
  requester.request(sealRequest())
  const answer = await requester.answer()
  // exactly one completion: the next request is answered by the next one
  const again = sealRequest()
  requester.request(again)
  const { complete } = await requester.answer()
  assert.deepEqual(complete.requestId, again.hash)
  leave(requester)
  return { ...answer, error: answer.complete.error, counts: bridge.relay.tally.snapshot() }
}

/** A requester that stays would be waited for when its server stops. */
function leave(...requesters: RawRequester[]): void {
  for (const { stream } of requesters) stream.abort(new Error('the test is over'))
}

const forever = (): Promise<void> => new Promise(() => {})

test('an upstream that says nothing: error 12 when the first packet is due', async t => {
  const { error, counts } = await outcome(t, forever as Script)
  assert.equal(error?.code, 12)
  assert.match(error?.text ?? '', /did not answer in time/)
  assert.equal(counts.upstreams_late, 2)
})

test('an upstream that stops in the middle: what came, then error 12 after what was sent last', async t => {
  const envelopes = [newEnvelope(), newEnvelope()]
  const answer = await outcome(t, async line => {
    await line.request()
    await deliver(line, envelopes)
  })
  assert.deepEqual(
    answer.envelopes.map(({ hashHex }) => hashHex),
    envelopes.map(({ hashHex }) => hashHex)
  )
  assert.equal(answer.error?.code, 12)
  assert.deepEqual(answer.complete.lastHash, envelopes[1]?.hash)
})

test('an upstream that never ends: more bytes or envelopes than an answer may have are error 12', async t => {
  const flood: Script = async line => {
    await line.request()
    for (;;) {
      await deliver(
        line,
        Array.from({ length: 50 }, () => newEnvelope())
      )
      // it shares this process with its victim
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  for (const relay of [{ maxAnswerBytes: 100_000 }, { maxAnswerEnvelopes: 500 }]) {
    const { error, envelopes, counts } = await outcome(t, flood, relay)
    assert.equal(error?.code, 12)
    assert.ok(envelopes.length <= 500, `${envelopes.length}`)
    assert.equal(counts.upstreams_misbehaved, 2)
  }
})

test('a completion that names another request ends nothing', async t => {
  const foreign: Partial<RequestComplete> & { requestId: Uint8Array } = { requestId: new Uint8Array(32).fill(9) }
  const envelope = newEnvelope()
  const answer = await outcome(t, async line => {
    const request = await line.request()
    await complete(line, foreign)
    await honest(line, request, [envelope])
  })
  assert.equal(answer.error, undefined)
  assert.equal(answer.envelopes.length, 1)
  assert.equal(answer.counts.completions_foreign, 2)
  const never = await outcome(t, async line => {
    await line.request()
    await complete(line, foreign)
  })
  assert.equal(never.error?.code, 12)
})

test('packets that bring nothing end an answer when they are too many', async t => {
  const { error, envelopes, counts } = await outcome(
    t,
    async line => {
      await line.request()
      await deliver(line, [newEnvelope()])
      for (let i = 0; i < 101; i++) await deliver(line, [])
    },
    { firstTimeout: 10_000, overallTimeout: 20_000 }
  )
  assert.equal(error?.code, 12)
  assert.equal(envelopes.length, 1)
  assert.equal(counts.upstreams_misbehaved, 2)
})

test('bodies that are none, and resets, are error 12; nothing malformed reaches the requester', async t => {
  const fine = newEnvelope()
  const cases: Record<string, Script> = {
    'a completion of two hashes too short': async line => {
      await line.request()
      await line.send(PacketCode.RequestComplete, Uint8Array.of(0xc2, 0x80, 0x80))
    },
    'a P2P Message that is a number': async line => {
      await line.request()
      await line.send(PacketCode.P2PMessage, Uint8Array.of(0x05))
    },
    'a list with something else than envelopes in it': async line => {
      await line.request()
      await line.send(PacketCode.P2PMessage, encodeMessages([fine.raw, Uint8Array.of(0xc3, 1, 2, 3)]))
    },
    'the stream reset after the request': async line => {
      await line.request()
      line.reset()
    },
    'the stream reset in the middle': async line => {
      await line.request()
      await deliver(line, [fine])
      line.reset()
    },
    'the stream closed without a completion': async line => {
      await line.request()
      await line.stream.close()
    }
  }
  for (const [name, script] of Object.entries(cases)) {
    const { error, envelopes } = await outcome(t, script)
    assert.equal(error?.code, 12, name)
    assert.ok(envelopes.every(({ hashHex }) => hashHex === fine.hashHex))
  }
})

/** A request that has reached an upstream which says nothing. */
async function behindSilence(t: TestContext) {
  let asked: () => void = () => {}
  const reached = new Promise<void>(resolve => {
    asked = resolve
  })
  const world = await behind(
    t,
    async line => {
      await line.request()
      asked()
      await forever()
    },
    {}
  )
  world.requester.request(sealRequest())
  await reached
  return world
}

test('the upstream is told when the requester goes', async t => {
  const { requester, bridge, lines } = await behindSilence(t)
  requester.stream.abort(new Error('never mind'))
  const [line] = lines
  assert.ok(line !== undefined)
  assert.equal(await ending(line.stream), 'reset')
  assert.equal(bridge.relay.tally.get('upstreams_late'), 0)
})

test('requesters take turns at an upstream, and one with many requests delays others by one', async t => {
  const order: string[] = []
  const liar = await lyingServer(t, async line => {
    const request = await line.request()
    order.push(request.hashHex)
    await complete(line, { requestId: request.hash, lastHash: NO_HASH })
  })
  const bridge = await bridgeNode(t, {
    requestKey: THEIRS,
    // one thing at a time
    upstreams: node => [{ ...node.upstream(liar), network: 'devp2p' }]
  })
  const { connection, requester } = await rawRequester(t, bridge)
  const streams = await Promise.all([1, 2, 3, 4].map(() => RawRequester.open(connection)))
  const modest = (await rawRequester(t, bridge)).requester
  const theirs = streams.map(() => sealRequest())
  for (const [i, stream] of streams.entries()) stream.request(theirs[i] as ReturnType<typeof sealRequest>)
  const ours = sealRequest()
  modest.request(ours)
  await Promise.all([...streams.map(stream => stream.answer()), modest.answer()])
  assert.equal(order.length, 5)
  assert.ok(order.indexOf(ours.hashHex) < 4, 'not after all of the others')
  leave(modest, requester, ...streams)
})

test('a libp2p upstream is asked two things at a time, and who asks for a third waits for one of them', async t => {
  const asked: (() => void)[] = []
  const liar = await lyingServer(t, async line => {
    const request = await line.request()
    await new Promise<void>(resolve => asked.push(resolve))
    await complete(line, { requestId: request.hash, lastHash: NO_HASH })
  })
  const bridge = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(liar)] })
  const requests = await Promise.all(
    Array.from({ length: 3 }, async () => new TestRequest(await aPeer(), sealRequest()))
  )
  const answers = requests.map(request => bridge.mailserver.handle(request))
  await until(() => asked.length === 2)
  assert.equal(bridge.relay.tally.get('requests_forwarded'), 2)
  asked[0]?.()
  await until(() => asked.length === 3)
  for (const answer of asked) answer()
  await Promise.all(answers)
  assert.deepEqual(
    requests.map(({ errorCode }) => errorCode),
    Array(3).fill(undefined)
  )
})

test('who has most of what waits to be taken loses it when there is too much, others have their answers', async t => {
  const large = newEnvelope({ data: new Uint8Array(200_000) })
  const liar = await lyingServer(t, async line => {
    const request = await line.request()
    for (let i = 0; i < 5; i++) await deliver(line, [large])
    await complete(line, { requestId: request.hash, lastHash: large.hash })
  })
  const bridge = await bridgeNode(t, {
    requestKey: THEIRS,
    upstreams: node => [node.upstream(liar)],
    relay: { aheadBytes: 900_000 }
  })
  const hog = new TestRequest(await aPeer(), sealRequest())
  const modest = new TestRequest(await aPeer(), sealRequest())
  const { promise: taken, resolve: take } = Promise.withResolvers<void>()
  const gone = new Promise<void>(resolve => hog.signal.addEventListener('abort', () => resolve(), { once: true }))
  hog.beforeSend = () => Promise.race([gone, taken])
  modest.beforeSend = () => taken
  const first = bridge.mailserver.handle(hog)
  await until(() => bridge.relay.tally.get('bytes') > 600_000)
  const second = bridge.mailserver.handle(modest)
  await until(() => bridge.relay.tally.get('requesters_slow') === 1)
  take()
  await Promise.all([first, second])
  assert.equal(hog.errorCode, 10)
  assert.ok(hog.envelopes.length <= 1, 'what was held is gone')
  assert.equal(modest.errorCode, undefined)
  assert.equal(modest.envelopes.length, 5)
})

test('what is held for a requester that takes nothing is given to others also after the deadline, and it is told of that', async t => {
  const large = newEnvelope({ data: new Uint8Array(200_000) })
  const liar = await lyingServer(t, async line => {
    await line.request()
    for (let i = 0; i < 5; i++) await deliver(line, [large])
    await forever()
  })
  const bridge = await bridgeNode(t, {
    requestKey: THEIRS,
    upstreams: node => [node.upstream(liar)],
    relay: { ...SHORT, aheadBytes: 900_000 }
  })
  const [hog, other] = [new TestRequest(await aPeer(), sealRequest()), new TestRequest(await aPeer(), sealRequest())]
  const { promise: taken, resolve: take } = Promise.withResolvers<void>()
  hog.beforeSend = other.beforeSend = () => taken
  const first = bridge.mailserver.handle(hog)
  await until(() => liar.lines.length === 1)
  const [line] = liar.lines
  assert.ok(line !== undefined)
  assert.equal(await ending(line.stream), 'reset')
  const second = bridge.mailserver.handle(other)
  await until(() => bridge.relay.tally.get('upstreams_late') === 1)
  take()
  await Promise.all([first, second])
  assert.equal(hog.errorCode, 12)
  assert.equal(bridge.relay.tally.get('requesters_slow'), 0)
})

test('more requests of one peer than may wait are told to come later', async t => {
  const { bridge, requester: first } = await behind(t, forever as Script, { ...SHORT, maxRequestsPerPeer: 1 })
  const { connection, requester } = await rawRequester(t, bridge)
  const streams = await Promise.all([1, 2].map(() => RawRequester.open(connection)))
  for (const stream of streams) stream.request(sealRequest())
  const codes = (await Promise.all(streams.map(stream => stream.answer()))).map(({ complete }) => complete.error?.code)
  assert.deepEqual(codes.sort(), [10, 12])
  leave(first, requester, ...streams)
})

test('a requester has only so many bytes forwarded, then it is told to come later', async t => {
  const { requester, bridge } = await behind(
    t,
    async line => {
      const request = await line.request()
      await honest(
        line,
        request,
        Array.from({ length: 10 }, () => newEnvelope())
      )
    },
    { peerBytesPerHour: 6000 }
  )
  requester.request(sealRequest())
  assert.equal((await requester.answer()).complete.error, undefined)
  requester.request(sealRequest())
  const { complete, envelopes } = await requester.answer()
  assert.equal(complete.error?.code, 10)
  assert.ok((complete.error?.retryAfter ?? 0) > 60)
  assert.equal(envelopes.length, 0)
  const { requester: other } = await rawRequester(t, bridge)
  other.request(sealRequest())
  assert.equal((await other.answer()).complete.error, undefined, 'another one has its own')
  leave(requester, other)
})

test('a requester that takes nothing does not keep the upstream from the others', async t => {
  const liar = await lyingServer(t, async line => honest(line, await line.request(), [newEnvelope()]))
  const bridge = await bridgeNode(t, { requestKey: THEIRS, upstreams: node => [node.upstream(liar)] })
  const stuck = new TestRequest(await aPeer(), sealRequest())
  let took: () => void = () => {}
  const begun = new Promise<void>(resolve => {
    took = resolve
  })
  stuck.beforeSend = () => {
    took()
    return new Promise((_, reject) => stuck.signal.addEventListener('abort', () => reject(stuck.signal.reason)))
  }
  void bridge.mailserver.handle(stuck)
  await begun
  const { requester } = await rawRequester(t, bridge)
  requester.request(sealRequest())
  assert.equal((await requester.answer()).complete.error, undefined)
  leave(requester)
  stuck.abort(new Error('the test is over'))
  assert.equal(stuck.packets.length, 0)
})

test('stopping gives up what is under way, and says so', async t => {
  const { requester, bridge } = await behindSilence(t)
  bridge.relay.stop()
  assert.equal((await requester.answer()).complete.error?.code, 10)
  leave(requester)
})

test('new identities of one address have no bytes of their own for ever', async t => {
  const script: Script = async line => {
    const request = await line.request()
    await honest(
      line,
      request,
      Array.from({ length: 10 }, () => newEnvelope())
    )
  }
  const { requester, bridge } = await behind(t, script, { peerBytesPerHour: 6000 })
  const asked = [requester]
  const codes: (number | undefined)[] = []
  for (let i = 0; i < 10; i++) {
    const { requester: other } = await rawRequester(t, bridge)
    asked.push(other)
    other.request(sealRequest())
    codes.push((await other.answer()).complete.error?.code)
  }
  const served = codes.filter(code => code === undefined).length
  assert.ok(served >= 2 && served < 10, `${served} were served`)
  assert.deepEqual(new Set(codes.slice(served)), new Set([10]), 'then none: the address had what four may have')
  leave(...asked)
})
