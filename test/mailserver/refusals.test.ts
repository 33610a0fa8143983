import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { encodePayload } from '../../src/wire/payload/payload.js'
import { sealSymmetric } from '../../src/wire/payload/symmetric.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import { encodeHistoryRequest } from '../../src/wire/request/history-request.js'
import { RequestErrorCode as Code } from '../../src/wire/request/request-error.js'
import { EMPTY_STRING, encodeList, encodeString, encodeUint } from '../../src/wire/rlp.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { aMailserver, aPeer, ask, keyringWith, TestRequest } from './fixture.js'
import { aRequest, KEY, sealData, sealPayload, sealRequest } from './request-maker.js'

const bytes = (length: number): Uint8Array => encodeString(new Uint8Array(length).fill(5))
const noBytes = encodeString(new Uint8Array(0))

test('a body that is no envelope costs the stream [MAIL-08]', async t => {
  const { server } = await aMailserver(t)
  const request = sealRequest()
  const bodies: Array<[string, Uint8Array]> = [
    ['nothing', new Uint8Array(0)],
    ['a string', bytes(40)],
    ['an empty list', encodeList([])],
    ['an envelope cut short', request.raw.subarray(0, request.raw.length - 1)],
    ['two arguments', encodeList([request.raw, request.raw])],
    ['six items', encodeList([...Array.from({ length: 6 }, () => encodeUint(1))])],
    [
      'a number with a leading zero',
      encodeList([Uint8Array.of(0x82, 0, 1), encodeUint(1), bytes(4), bytes(9), encodeUint(1)])
    ]
  ]
  for (const [name, body] of bodies) {
    const answer = await ask(server, body)
    assert.deepEqual([answer.packets.length, answer.aborted?.name], [0, 'MalformedError'], name)
  }
  assert.equal(server.tally.get('requests_no_envelope'), bodies.length)
})

test('a request of another time is not allowed', async t => {
  const clock = unixNow()
  const { server } = await aMailserver(t, { now: () => clock })
  const at = async (expiry: number, ttl: number): Promise<number | undefined> =>
    (await ask(server, sealRequest({}, { expiry, ttl }))).errorCode
  assert.equal(await at(clock - 10, 10), undefined)
  assert.equal(await at(clock - 11, 10), Code.notAllowed)
  assert.equal(await at(clock + 10 + 20, 20), undefined)
  assert.equal(await at(clock + 11 + 20, 20), Code.notAllowed)
  assert.equal(await at(clock + 200, 300), undefined)
  assert.equal(await at(clock + 200, 301), Code.notAllowed)
  assert.equal(await at(20, 21), Code.notAllowed, 'sent wraps below 0')
})

test('a request needs proof of work, whatever its ttl', async t => {
  const { server } = await aMailserver(t, { policies: { libp2p: { pow: 0.5 } } })
  const now = unixNow()
  const topic = new Uint8Array(4)
  const cheap = () => sealData(sealRequest().data, { expiry: now, ttl: 0, topic, pow: 0 })
  // nonce 0 of some envelope fails: one of a hundred would pass
  const answers = [await ask(server, cheap()), await ask(server, cheap()), await ask(server, cheap())]
  const refused = answers.find(({ errorCode }) => errorCode === Code.pow)
  assert.match(refused?.completion.error?.text ?? '', /0\.5/)
  const mined = sealData(sealRequest().data, { expiry: now, ttl: 0, topic, pow: 0.5 })
  assert.equal((await ask(server, mined)).errorCode, undefined)
})

test('the default proof of work of requests is 0.002', async t => {
  const { server } = await aMailserver(t)
  const asked: Array<number | undefined> = []
  // nonce 0 of some envelope fails: 2^-9 of them would pass
  for (let i = 0; i < 3; i++) asked.push((await ask(server, sealRequest({}, { pow: 0, ttl: 300 }))).errorCode)
  assert.equal(asked.includes(Code.pow), true)
  assert.equal((await ask(server, sealRequest({}, { pow: 0.002, ttl: 300 }))).errorCode, undefined)
})

test('a request that no key opens cannot be decrypted [MAIL-17]', async t => {
  const keyring = await keyringWith(await keyFromPassword('right'))
  const { server } = await aMailserver(t, {}, { keyring })
  const right = await ask(server, sealRequest({}, { key: await keyFromPassword('right') }))
  assert.equal(right.errorCode, undefined)
  const wrong = await ask(server, sealRequest({}, { key: await keyFromPassword('wrong') }))
  assert.equal(wrong.errorCode, Code.undecryptable)
  const short = sealData(new Uint8Array(3), { expiry: unixNow() + 50, ttl: 50, topic: new Uint8Array(4), pow: 0.002 })
  assert.equal((await ask(server, short)).errorCode, Code.undecryptable)
  await keyring.remove('main')
  const late = await ask(server, sealRequest({}, { key: await keyFromPassword('right') }))
  assert.equal(late.errorCode, Code.undecryptable)
})

test('a key that is bound to a peer opens for that peer only', async t => {
  const { server, keyring } = await aMailserver(t)
  const [owner, other] = [await aPeer(), await aPeer()]
  const own = new Uint8Array(32).fill(9)
  await keyring.add('own', own, { peer: owner })
  const codes = async (key: Uint8Array) => ({
    owner: (await ask(server, sealRequest({}, { key }), { peer: owner })).errorCode,
    other: (await ask(server, sealRequest({}, { key }), { peer: other })).errorCode
  })
  assert.deepEqual(await codes(own), { owner: undefined, other: Code.undecryptable })
  assert.deepEqual(await codes(KEY), { owner: Code.undecryptable, other: undefined })
})

test('signatures are asked for as the policy says', async t => {
  const [mine, others, edwards] = [
    await generateKeyPair('secp256k1'),
    await generateKeyPair('secp256k1'),
    await generateKeyPair('Ed25519')
  ]
  const peer: PeerId = peerIdFromPrivateKey(mine)
  const codes = async (signature: 'none' | 'any' | 'peer') => {
    const { server } = await aMailserver(t, { policies: { libp2p: { signature } } })
    const code = async (signWith: Uint8Array | undefined, from: PeerId = peer) =>
      (await ask(server, sealRequest({}, { signWith }), { peer: from })).errorCode
    return [
      await code(undefined),
      await code(others.raw),
      await code(mine.raw),
      await code(mine.raw, peerIdFromPrivateKey(edwards))
    ]
  }
  assert.deepEqual(await codes('none'), [undefined, undefined, undefined, undefined])
  assert.deepEqual(await codes('any'), [Code.signature, undefined, undefined, undefined])
  assert.deepEqual(await codes('peer'), [Code.signature, Code.signature, undefined, Code.signature])
})

test('a signature that nobody can have made is an error of the signature, where one is asked for', async t => {
  const payload = encodeHistoryRequest(aRequest(), 'spec6t')
  const genuine = (await generateKeyPair('secp256k1')).raw
  const forged = (v: number): Envelope => {
    const plain = encodePayload({ payload, signWith: genuine }).fill(0, -65)
    plain[plain.length - 1] = v
    const data = sealSymmetric(plain, KEY)
    return sealData(data, { expiry: unixNow() + 50, ttl: 50, topic: new Uint8Array(4), pow: 0.002 })
  }
  for (const [signature, code] of [
    ['none', undefined],
    ['any', Code.signature],
    ['peer', Code.signature]
  ] as const) {
    const { server } = await aMailserver(t, { policies: { libp2p: { signature } } })
    for (const v of [0, 29]) assert.equal((await ask(server, forged(v))).errorCode, code, `${signature}, v ${v}`)
  }
})

test('a payload in no known form, or of wrong fields, is refused by its code [MAIL-12] [MAIL-22] [D-03] [D-05]', async t => {
  const { server } = await aMailserver(t)
  const number = encodeUint(1)
  const topics = (count: number, length = 4): Uint8Array =>
    encodeList(Array.from({ length: count }, () => bytes(length)))
  const payloads: Array<[string, number, Uint8Array]> = [
    ['empty', Code.malformed, new Uint8Array(0)],
    ['raw', Code.malformed, new Uint8Array(72)],
    ['three items', Code.malformed, encodeList([number, number, bytes(64)])],
    ['33 bits', Code.malformed, encodeList([bytes(5), number, bytes(64), number])],
    ['limit of 33 bits', Code.malformed, encodeList([number, number, bytes(64), bytes(5)])],
    ['63 byte bloom', Code.bloom, encodeList([number, number, bytes(63), number])],
    ['65 byte bloom beside topics', Code.bloom, encodeList([number, number, bytes(65), number, noBytes, topics(1)])],
    ['1001 topics', Code.topics, encodeList([number, number, noBytes, number, noBytes, topics(1001)])],
    ['topic of 3 bytes', Code.topics, encodeList([number, number, noBytes, number, noBytes, topics(1, 3)])],
    ['topics without cursor', Code.topics, encodeList([number, number, noBytes, number, topics(1)])],
    ['cursor of 35 bytes', Code.cursor, encodeList([number, number, bytes(64), number, bytes(35)])],
    ['lower above upper', Code.range, encodeList([encodeUint(2), number, bytes(64), number])],
    ['neither bloom nor topics', Code.filter, encodeList([number, number, noBytes, number])],
    [
      'only empty topics',
      Code.filter,
      encodeList([number, number, noBytes, number, noBytes, encodeList([EMPTY_STRING])])
    ],
    [
      'cursor before the range',
      Code.cursor,
      encodeList([number, number, bytes(64), number, encodeString(encodeCursor(0, new Uint8Array(32)))])
    ],
    [
      'cursor after the range',
      Code.cursor,
      encodeList([number, number, bytes(64), number, encodeString(encodeCursor(2, new Uint8Array(32)))])
    ]
  ]
  for (const [name, code, payload] of payloads) {
    const request = sealPayload(payload)
    const { completion } = await ask(server, request)
    assert.equal(completion.error?.code, code, name)
    assert.deepEqual([completion.requestId, completion.lastHash], [request.hash, new Uint8Array(32)], name)
    assert.equal(completion.cursor, undefined, name)
  }
  const plain = sealData(new Uint8Array(60), { expiry: unixNow() + 50, ttl: 50, topic: new Uint8Array(4), pow: 0.002 })
  assert.equal((await ask(server, plain)).errorCode, Code.undecryptable)
})

test('a limit of 0 means 1000 and more than 1000 is taken as 1000, in every form [D-05] [MAIL-12]', async t => {
  const { server, archive } = await aMailserver(t, { pageBytes: 64 * 1024 * 1024 })
  await archive.append(Array.from({ length: 1005 }, () => newEnvelope()))
  for (const dialect of ['spec6t', 'sg7'] as const) {
    for (const limit of [0, 1001, 0xffffffff]) {
      const answer = await ask(server, sealRequest({ limit }, { dialect }))
      assert.equal(answer.envelopes.length, 1000, `${dialect} ${limit}`)
      assert.equal(answer.completion.cursor?.length, 36)
    }
  }
})

test('one request id is served once, also while it is being served', async t => {
  const { server, archive } = await aMailserver(t)
  await archive.append([newEnvelope()])
  const request = sealRequest()
  const peers = [await aPeer(), await aPeer(), await aPeer()]
  const answers = peers.map(peer => new TestRequest(peer, request))
  await Promise.all(answers.map(answer => server.handle(answer)))
  assert.deepEqual(answers.map(({ errorCode }) => errorCode).sort(), [Code.notAllowed, Code.notAllowed, undefined])
  assert.equal((await ask(server, request)).errorCode, Code.notAllowed)
  assert.equal((await ask(server, sealRequest())).errorCode, undefined, 'sealed anew it is another request')
})

test('where no more ids can be remembered a request has to wait, and none is served twice', async t => {
  let clock = unixNow()
  const { server } = await aMailserver(t, { rememberedRequests: 2, now: () => clock })
  const [first, second, third] = [1, 2, 3].map(() => sealRequest({}, { now: clock })) as [never, never, never]
  assert.equal((await ask(server, first)).errorCode, undefined)
  assert.equal((await ask(server, second)).errorCode, undefined)
  const { error } = (await ask(server, third)).completion
  assert.equal(error?.code, Code.busy)
  assert.equal((error?.retryAfter ?? 0) > 0, true)
  assert.equal((await ask(server, first)).errorCode, Code.notAllowed)
  clock += 61
  assert.equal((await ask(server, sealRequest({}, { now: clock }))).errorCode, undefined)
})

test('on devp2p neither time nor repetition matters', async t => {
  const { server } = await aMailserver(t)
  const request = sealRequest({}, { expiry: 0, ttl: 0 })
  const options = { network: 'devp2p' as const }
  assert.equal((await ask(server, request, options)).errorCode, undefined)
  assert.equal((await ask(server, request, options)).errorCode, undefined)
})
