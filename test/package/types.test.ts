import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import * as all from '../../src/index.js'
import { wakuNodeOf } from '../../src/libp2p/waku-service.js'
import { LIMIT_EVENTS } from '../../src/limits/counts.js'
import { COUNTER_NAMES } from '../../src/waku/counters.js'

type Services = { waku: all.WakuService; mailserver: all.MailserverService; mailclient: all.MailClientService }

const PASSWORD = 'a password of your own'

async function application(
  t: TestContext,
  init: Parameters<typeof all.mailserver>[0] = { password: PASSWORD },
  start = true
): Promise<Libp2p<Services>> {
  const node = (await createLibp2p({
    start,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), waku: all.waku(), mailserver: all.mailserver(init), mailclient: all.mailclient() }
  } as never)) as unknown as Libp2p<Services>
  t.after(async () => await node.stop())
  return node
}

/** As an application without types may call it. */
type Loose = (...args: unknown[]) => unknown

async function errorOf(call: () => unknown): Promise<Error> {
  try {
    await call()
  } catch (error) {
    return error as Error
  }
  throw new assert.AssertionError({ message: `no error from ${call}` })
}

const KEY = new Uint8Array(32).fill(1)
const TOPIC = Uint8Array.of(1, 2, 3, 4)

test('what has another type than it should is refused with what was expected and what was given', async t => {
  const node = await application(t)
  const { waku, mailserver, mailclient } = node.services as unknown as Record<string, Record<string, Loose>>
  const { trust } = mailclient as unknown as { trust: Record<string, Loose> }
  const { keyring, archive } = mailserver as unknown as Record<string, Record<string, Loose>>
  const loose = all as unknown as Record<string, Loose>
  const first = (history: unknown): unknown => (history as AsyncGenerator).next()
  const ask = (query: object): unknown =>
    first(mailclient?.history?.({ server: node.peerId, from: 0, requestKey: KEY, ...query }))
  const message = { topic: TOPIC, payload: new Uint8Array(5), key: KEY }

  const cases: Array<[name: string, text: RegExp, call: () => unknown]> = [
    [
      'InvalidPostError',
      /a payload is a Uint8Array, not a string of 5 characters/,
      () => waku?.post?.({ ...message, payload: 'hello' })
    ],
    [
      'InvalidPostError',
      /a topic is .* 4 bytes, not a string of 4 characters/,
      () => waku?.post?.({ ...message, topic: 'news' })
    ],
    [
      'InvalidPostError',
      /32 bytes, not a string of 32 characters/,
      () => waku?.post?.({ ...message, key: 'k'.repeat(32) })
    ],
    ['InvalidPostError', /32 bytes, not 31 bytes/, () => waku?.post?.({ ...message, signWith: new Uint8Array(31) })],
    ['InvalidPostError', /a peer is a PeerId, or a multiaddr/, () => waku?.post?.({ ...message, to: 'bob' })],
    ['InvalidPostError', /not an object of Object/, () => waku?.post?.({ envelope: {} })],
    ['InvalidPostError', /a message is an object, not undefined/, () => waku?.post?.()],
    ['InvalidPostError', /a proof of work is a number .* a string/, () => waku?.post?.({ ...message, pow: '1' })],
    ['InvalidPostError', /a proof of work is .* NaN/, () => waku?.post?.({ ...message, pow: Number.NaN })],
    ['InvalidPostError', /a proof of work is .* -1/, () => waku?.post?.({ ...message, pow: -1 })],
    ['TypeError', /a peer is a PeerId/, () => waku?.connect?.(undefined)],
    ['TypeError', /a topic is .* not a string/, () => waku?.subscribe?.({ topics: ['news'] }, () => {})],
    ['TypeError', /topics are an array/, () => waku?.subscribe?.({ topics: 'news' }, () => {})],
    ['TypeError', /a symmetric key is .* 32 bytes/, () => waku?.subscribe?.({ key: 'k'.repeat(32) }, () => {})],
    ['TypeError', /a subscriber is a function, not undefined/, () => waku?.subscribe?.({})],
    ['TypeError', /a filter is an object, not a string/, () => waku?.subscribe?.('news', () => {})],
    ['UnencodableError', /a topic is .* not a string/, () => waku?.updateStatus?.({ topics: ['news'] })],
    ['UnencodableError', /a bloom filter is .* not a string/, () => waku?.updateStatus?.({ bloom: 'b'.repeat(64) })],
    ['HistoryQueryError', /a topic is .* not a string of 4/, () => ask({ topics: ['news'] })],
    ['HistoryQueryError', /topics are an array/, () => ask({ topics: TOPIC })],
    ['HistoryQueryError', /not an object of Date/, () => ask({ from: new Date() })],
    ['HistoryQueryError', /requestKey is .* not a string of 4/, () => ask({ requestKey: 'open' })],
    ['HistoryQueryError', /the request key is missing: requestKey/, () => ask({ requestKey: undefined })],
    ['HistoryQueryError', /a query has no key, only .* requestKey/, () => ask({ requestKey: undefined, key: KEY })],
    ['HistoryQueryError', /a peer is a PeerId, or a multiaddr/, () => ask({ server: 'example.org' })],
    ['HistoryQueryError', /ends in \/p2p/, () => ask({ server: multiaddr('/ip4/127.0.0.1/tcp/1') })],
    ['HistoryQueryError', /a query is an object, not undefined/, () => first(mailclient?.history?.())],
    ['HistoryQueryError', /limit is an integer/, () => ask({ limit: '5' })],
    ['HistoryQueryError', /a dialect is one of spec4, .* not a string of 3/, () => ask({ dialect: 'sg8' })],
    ['HistoryQueryError', /retries is a number .* a string/, () => ask({ retries: 'often' })],
    ['HistoryQueryError', /reconnectTimeout is .* NaN/, () => ask({ reconnectTimeout: Number.NaN })],
    ['HistoryCursorError', /a cursor is a string, not 36 bytes/, () => ask({ cursor: new Uint8Array(36) })],
    ['TrustEntryError', /ends in \/p2p/, () => trust.add?.('/ip4/127.0.0.1/tcp/1')],
    ['TrustEntryError', /a peer is a PeerId/, () => trust.add?.({})],
    ['TrustEntryError', /a label is a string, not the number 5/, () => trust.add?.(node.peerId, { label: 5 })],
    ['TrustEntryError', /is an object, not a string of 4/, () => trust.add?.(node.peerId, 'home')],
    ['TrustEntryError', /a peer is a PeerId/, () => trust.has?.('nobody')],
    ['KeyringError', /a key is .* not a string of 32/, () => keyring?.add?.('name', 'k'.repeat(32))],
    ['KeyringError', /a password is a string, not the number 5/, () => keyring?.addPassword?.('name', 5)],
    ['KeyringError', /a password is not empty/, () => keyring?.addPassword?.('name', '')],
    ['KeyringError', /a peer is a PeerId/, () => keyring?.add?.('name', KEY, { peer: {} })],
    ['UnencodableError', /a password is a string/, () => loose.keyFromPassword?.(KEY)],
    ['MalformedError', /the name of a topic is a string/, () => loose.topicFromName?.(TOPIC)],
    ['MalformedError', /a topic is a string, not 4 bytes/, () => loose.parseTopic?.(TOPIC)],
    [
      'UnencodableError',
      /what is opened is a Uint8Array, not a string/,
      () => loose.openSymmetric?.('x'.repeat(40), KEY)
    ],
    ['UnencodableError', /a plaintext is a Uint8Array/, () => loose.sealSymmetric?.('hello', KEY)],
    ['UnencodableError', /a symmetric key is .* not a string/, () => loose.sealSymmetric?.(TOPIC, 'k'.repeat(32))],
    ['MalformedError', /a plaintext is a Uint8Array/, () => loose.decodePayload?.('hello')],
    ['UnencodableError', /a payload is a Uint8Array/, () => loose.encodePayload?.({ payload: 'hello' })],
    ['MalformedError', /an envelope is a Uint8Array/, () => loose.decodeEnvelope?.('0x00')],
    ['UnencodableError', /a topic is .* not a string/, () => loose.bloomOf?.(['news'])],
    ['UnencodableError', /topics are a list, not the number 5/, () => loose.bloomOf?.(5)],
    ['UnencodableError', /a status is an object, not null/, () => waku?.updateStatus?.(null)],
    [
      'InvalidPostError',
      /a message has no paylod: did you mean payload\?/,
      () => waku?.post?.({ ...message, paylod: 1 })
    ],
    ['InvalidPostError', /a message has no topic, only envelope/, () => waku?.post?.({ ...message, envelope: {} })],
    ['InvalidPostError', /signal is an AbortSignal, not a string/, () => waku?.post?.(message, { signal: 'now' })],
    ['InvalidPostError', /signal is an AbortSignal, not null/, () => waku?.post?.(message, { signal: null })],
    ['InvalidPostError', /timeout is an integer of ms, .* a string/, () => waku?.post?.(message, { timeout: '5s' })],
    ['InvalidPostError', /timeout is .*2147483647, not/, () => waku?.post?.(message, { timeout: 2 ** 31 })],
    ['InvalidPostError', /beside a message has no timout/, () => waku?.post?.(message, { timout: 5 })],
    [
      'TypeError',
      /a filter has no topcis: did you mean topics\?/,
      () => waku?.subscribe?.({ topcis: [TOPIC] }, () => {})
    ],
    ['HistoryQueryError', /a query has no topcis: did you mean topics\?/, () => ask({ topcis: [TOPIC] })],
    ['HistoryQueryError', /coverage is a boolean, not a string of 3/, () => ask({ coverage: 'yes' })],
    ['HistoryQueryError', /signal is an AbortSignal, not an object of Obj/, () => ask({ signal: {} })],
    ['HistoryQueryError', /a bloom filter is .* 64 bytes/, () => ask({ topics: [TOPIC], bloom: 'x' })],
    [
      'HistoryQueryError',
      /a digest is by time or count/,
      () => mailclient?.digest?.({ server: node.peerId, from: 0, requestKey: KEY, by: 'size' })
    ],
    ['HistoryQueryError', /a query is an object, not null/, () => mailclient?.digest?.(null)],
    ['TypeError', /historic is a boolean, not a string/, () => waku?.subscribe?.({ historic: 'no' }, () => {})],
    ['TypeError', /a filter is an object, not an array/, () => waku?.subscribe?.([], () => {})],
    ['TypeError', /who watches peers is a function, not/, () => waku?.watchPeers?.({})],
    ['TypeError', /beside a peer is an object, not null/, () => waku?.connect?.(node.peerId, null)],
    ['TypeError', /signal is an AbortSignal/, () => waku?.connect?.(node.peerId, { signal: 1 })],
    ['UnencodableError', /light is a boolean, not a string/, () => waku?.updateStatus?.({ light: 'yes' })],
    ['UnencodableError', /confirmations is a boolean/, () => waku?.updateStatus?.({ confirmations: 1 })],
    ['UnencodableError', /a status is an object, not an array/, () => waku?.updateStatus?.([])],
    ['KeyringError', /a key name is a string, not the number 5/, () => keyring?.add?.(5, KEY)],
    ['ArchiveQueryError', /envelopes are an array, not a string/, () => archive?.append?.('x')],
    ['ArchiveQueryError', /an envelope is what decodeEnvelope returns/, () => archive?.append?.([TOPIC])],
    [
      'ArchiveQueryError',
      /an integer of 1 or more, not a string/,
      () => archive?.trim?.({ before: 5, envelopes: '3' })
    ],
    ['TypeError', /datastore is an object, not undefined/, () => all.DatastoreArchive.open({} as never)],
    ['TypeError', /get of the datastore is a function/, () => all.DatastoreArchive.open({ datastore: {} } as never)],
    ['TypeError', /a hash is a function, not null/, () => loose.useKeccak?.(null)],
    [
      'UnencodableError',
      /a topic is/,
      () => loose.encodeEnvelope?.({ expiry: 1, ttl: 1, topic: 'news', data: TOPIC, nonce: 0n })
    ],
    [
      'UnencodableError',
      /the data of an envelope is/,
      () => loose.encodeEnvelope?.({ expiry: 1, ttl: 1, topic: TOPIC, data: 'x', nonce: 0n })
    ]
  ]
  for (const [name, text, call] of cases) {
    const { name: given, message } = await errorOf(call)
    assert.equal(given, name, `${call}: ${message}`)
    assert.match(message, text, String(call))
  }
  assert.equal((await node.services.mailserver.stats()).envelopes, 0, 'nothing of it was stored')
  assert.deepEqual(node.services.mailclient.trust.list(), [])
})

test('a setting of another type is refused when the node is made, since a bound that is no number would bound nothing', async t => {
  const wrong = { streamsPerPeer: '8', streamsPerHost: Number.NaN, idleTimeout: -1, onStored: 'x', archive: {} }
  for (const [name, value] of Object.entries(wrong)) {
    await assert.rejects(application(t, { password: PASSWORD, [name]: value } as never), {
      name: 'MailserverInitError',
      message: new RegExp(`^${name} is `)
    })
  }
  const make = async (services: object): Promise<void> => {
    const node = await createLibp2p({ start: false, services } as never)
    await node.stop()
  }
  const registered = { identify: identify() }
  await assert.rejects(make({ ...registered, waku: all.waku(), mailserver: all.mailserver(null as never) }), {
    name: 'MailserverInitError',
    message: /^mailserver\(\) is an object, not null/
  })
  for (const init of [
    { maxTtl: '86400' },
    { poolBytes: Number.NaN },
    { postTimeout: -1 },
    { light: 'no' },
    { onTwin: 5 },
    { digester: {} }
  ])
    await assert.rejects(make({ ...registered, waku: all.waku(init as never) }), {
      name: 'TypeError',
      message: / is a /
    })
  for (const init of [{ maxRequestBytes: '1' }, { windowPages: Number.NaN }, { acceptPush: 'yes' }, { onReport: 5 }])
    await assert.rejects(make({ ...registered, waku: all.waku(), mailclient: all.mailclient(init as never) }).then(), {
      name: 'TypeError',
      message: / is a /
    })
})

test('a mailserver that everybody or nobody could ask does not start', async t => {
  for (const password of ['', 5, KEY, null]) {
    await assert.rejects(application(t, { password } as never), { name: 'MailserverInitError', message: /password is/ })
  }
  await assert.rejects(application(t, { archiveTopics: ['news'] } as never), { name: 'MailserverInitError' })
  await assert.rejects(application(t, {}), { name: 'MailserverInitError', message: /nobody could ask this mailserver/ })
  const node = await application(t, {}, false)
  await node.services.mailserver.keyring.addPassword('everybody', PASSWORD)
  await node.start()
})

test('a peer may be named by a multiaddr, in one step: text or object, to trust, to post and to ask', async t => {
  const [server, client] = [await application(t), await application(t)]
  const [address] = server.getMultiaddrs()
  assert.ok(address !== undefined)
  const requestKey = await all.keyFromPassword(PASSWORD)
  const names = [address, address.toString(), server.peerId, server.peerId.toString()]
  const { waku, mailclient } = client.services
  const posted = await waku.post({ topic: TOPIC, payload: TOPIC, to: address.toString() })
  assert.deepEqual(posted.confirmed.map(String), [server.peerId.toString()])
  for (const name of names) {
    await mailclient.trust.add(name)
    assert.ok(mailclient.trust.has(server.peerId))
    const found: string[] = []
    for await (const envelope of mailclient.envelopes({ server: name, from: 0, requestKey }))
      found.push(envelope.hashHex)
    assert.deepEqual(found, [posted.envelope.hashHex])
    await mailclient.trust.remove(name)
  }
  const other = await application(t)
  await other.services.mailclient.trust.add(address)
  const history = other.services.mailclient.envelopes({ server: address, from: 0, requestKey })
  assert.equal((await history.next()).value?.hashHex, posted.envelope.hashHex, 'it was dialled at its address')
  await history.return()
})

test('an application sees of the base node what it is meant to use, and nothing of what transports do with it', async t => {
  const { waku, mailserver } = (await application(t)).services
  const used = ['connect', 'counts', 'peers', 'post', 'status', 'subscribe', 'updateStatus', 'watchPeers']
  const lifecycle = ['beforeStart', 'beforeStop', 'start', 'stop']
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(waku)).filter(name => name !== 'constructor')
  assert.deepEqual(names.sort(), [...used, ...lifecycle].sort())
  assert.deepEqual(Object.keys(waku), [], 'none of its parts is a field')
  assert.deepEqual(
    Object.keys(waku.counts).sort(),
    [...COUNTER_NAMES, ...LIMIT_EVENTS].sort(),
    'no name is counted for two things'
  )
  assert.throws(() => wakuNodeOf(mailserver as never), { name: 'TypeError', message: /not made by waku/ })
})
