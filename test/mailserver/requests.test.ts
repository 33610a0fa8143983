import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { topicBloom } from '../../src/wire/envelope/bloom.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { parseTopic } from '../../src/wire/envelope/topic.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import type { Dialect } from '../../src/wire/request/history-request.js'
import { encodeList, encodeString, encodeUint } from '../../src/wire/rlp.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { aMailserver, ask, inOrder } from './fixture.js'
import { aRequest, sealPayload, sealRequest } from './request-maker.js'

const [RED, BLUE, GREEN] = ['0xaa000001', '0xbb000002', '0xcc000003'].map(parseTopic) as [
  Uint8Array,
  Uint8Array,
  Uint8Array
]

const hashes = (envelopes: readonly Envelope[]): string[] => inOrder(envelopes).map(({ hashHex }) => hashHex)

test('every form of request is answered with a list completion [MAIL-09] [MAIL-13] [MAIL-17] [MAIL-31] [D-01]', async t => {
  const { server, archive } = await aMailserver(t)
  const red = newEnvelope({ topic: RED })
  await archive.append([red, newEnvelope({ topic: BLUE })])
  const forms: Array<[Dialect, Parameters<typeof sealRequest>[0]]> = [
    ['spec4', { bloom: topicBloom(RED) }],
    ['spec5', { bloom: topicBloom(RED) }],
    ['spec6t', { topics: [RED] }],
    ['sg6', { bloom: topicBloom(RED), batch: true }],
    ['sg7', { topics: [RED], batch: true }]
  ]
  for (const [dialect, fields] of forms) {
    const request = sealRequest(fields, { dialect })
    const answer = await ask(server, request)
    assert.deepEqual(answer.hashes, [red.hashHex], dialect)
    assert.deepEqual(answer.completion, { requestId: request.hash, lastHash: red.hash }, dialect)
    assert.equal((answer.packets.at(-1)?.body[0] as number) >= 0xc0, true, dialect)
  }
})

test('envelopes go out as the very bytes that came in, in lists, ordered by time and hash [MAIL-03] [MAIL-23] [MAIL-36] [D-07]', async t => {
  const { server, archive } = await aMailserver(t)
  const now = unixNow()
  const envelopes = Array.from({ length: 40 }, (_, i) => newEnvelope({ sent: now - (i % 7) }))
  await archive.append(envelopes)
  const answer = await ask(server, sealRequest())
  assert.deepEqual(
    answer.envelopes.map(({ raw }) => toHex(raw)),
    inOrder(envelopes).map(({ raw }) => toHex(raw))
  )
  assert.equal(answer.packets[0]?.code, PacketCode.P2PMessage)
  const single = await ask(server, sealRequest({ limit: 1 }))
  assert.equal(single.bodies[0]?.length, 1, 'one envelope travels in a list too')
})

test('both ends of the range are inclusive [MAIL-10]', async t => {
  const { server, archive } = await aMailserver(t)
  const now = unixNow() - 100
  const [before, first, last, after] = [-1, 0, 10, 11].map(offset => newEnvelope({ sent: now + offset })) as [
    Envelope,
    Envelope,
    Envelope,
    Envelope
  ]
  await archive.append([before, first, last, after])
  const answer = await ask(server, sealRequest({ lower: now, upper: now + 10 }))
  assert.deepEqual(answer.hashes, [first.hashHex, last.hashHex])
  const instant = await ask(server, sealRequest({ lower: now, upper: now }))
  assert.deepEqual(instant.hashes, [first.hashHex])
})

test('an upper bound of 2^32-1 reaches everything, one of 0 a minute ahead [D-04] [D-05]', async t => {
  const clock = unixNow()
  const { server, archive } = await aMailserver(t, { now: () => clock })
  const [near, far, last] = [clock + 60, clock + 61, MAX_UINT32 - 1].map(sent => newEnvelope({ sent, ttl: 1 })) as [
    Envelope,
    Envelope,
    Envelope
  ]
  await archive.append([near, far, last])
  const all = await ask(server, sealRequest({ upper: MAX_UINT32 }))
  assert.deepEqual(all.hashes, [near.hashHex, far.hashHex, last.hashHex])
  const soon = await ask(server, sealRequest({ upper: 0 }))
  assert.deepEqual(soon.hashes, [near.hashHex])
})

test('topics are exact and beat a bloom beside them [MAIL-20] [MAIL-21]', async t => {
  const { server, archive } = await aMailserver(t)
  const [red, blue, green] = [RED, BLUE, GREEN].map(topic => newEnvelope({ topic })) as [Envelope, Envelope, Envelope]
  await archive.append([red, blue, green])
  const answer = await ask(server, sealRequest({ topics: [RED, GREEN, RED], bloom: topicBloom(BLUE) }))
  assert.deepEqual(answer.hashes, hashes([red, green]))
  const none = await ask(server, sealRequest({ topics: [parseTopic('0x00000000')] }))
  assert.deepEqual(none.completion.lastHash, new Uint8Array(32))
})

test('a bloom of 64 bytes selects by the topics it covers [MAIL-11]', async t => {
  const { server, archive } = await aMailserver(t)
  const [red, blue] = [RED, BLUE].map(topic => newEnvelope({ topic })) as [Envelope, Envelope]
  await archive.append([red, blue])
  const answer = await ask(server, sealRequest({ bloom: topicBloom(BLUE) }, { dialect: 'spec5' }))
  assert.deepEqual(answer.hashes, [blue.hashHex])
})

test('a cursor item beside topics may be empty or a null list [MAIL-18] [MAIL-19]', async t => {
  const { server, archive } = await aMailserver(t)
  const red = newEnvelope({ topic: RED })
  await archive.append([red])
  const head = [encodeUint(0), encodeUint(0), encodeString(new Uint8Array(0)), encodeUint(5)]
  const topics = encodeList([encodeString(RED)])
  for (const cursor of [encodeString(new Uint8Array(0)), encodeList([])]) {
    const answer = await ask(server, sealPayload(encodeList([...head, cursor, topics])))
    assert.deepEqual(answer.hashes, [red.hashHex])
  }
  const without = await ask(server, sealPayload(encodeList([...head, topics])))
  assert.equal(without.errorCode, 8)
})

test('a thousand topics are served', async t => {
  const { server, archive } = await aMailserver(t)
  const topics = Array.from({ length: 1000 }, (_, i) => Uint8Array.of(0, 0, i >> 8, i))
  const last = newEnvelope({ topic: topics[999] as Uint8Array })
  await archive.append([last])
  assert.deepEqual((await ask(server, sealRequest({ topics }))).hashes, [last.hashHex])
})

test('unknown extension keys are ignored', async t => {
  const { server, archive } = await aMailserver(t)
  const [red, later] = [newEnvelope({ topic: RED, sent: unixNow() - 5 }), newEnvelope({ topic: RED })]
  await archive.append([later, red])
  const payload = encodeList([
    encodeUint(0),
    encodeUint(0),
    encodeString(new Uint8Array(0)),
    encodeUint(1),
    encodeString(new Uint8Array(0)),
    encodeList([encodeString(RED)]),
    encodeList([
      encodeList([encodeUint(76), encodeString(new Uint8Array(0))]),
      encodeList([encodeUint(77), encodeList([])])
    ])
  ])
  const answer = await ask(server, sealPayload(payload))
  assert.deepEqual(answer.hashes, [red.hashHex])
  assert.deepEqual(answer.completion.cursor, encodeCursor(red.sent, red.hash))
  assert.equal(answer.completion.extensions, undefined)
})

test('the keys of a request decide nothing about the content: envelopes stay sealed [MAIL-36]', async t => {
  const { server, archive } = await aMailserver(t)
  const secret = newEnvelope({ data: crypto.getRandomValues(new Uint8Array(200)) })
  await archive.append([secret])
  const answer = await ask(server, sealRequest())
  assert.deepEqual(answer.envelopes[0]?.data, secret.data)
})

test('an empty archive answers with a zero hash and no cursor', async t => {
  const { server } = await aMailserver(t)
  const request = sealRequest(aRequest())
  const answer = await ask(server, request)
  assert.deepEqual(
    answer.packets.map(({ code }) => code),
    [PacketCode.RequestComplete]
  )
  assert.deepEqual(answer.completion, { requestId: request.hash, lastHash: new Uint8Array(32) })
})
