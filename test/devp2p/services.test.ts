import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Devp2pService } from '../../src/devp2p/devp2p-service.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import type { HistoryQuery } from '../../src/mailclient/history-query.js'
import type { IncomingRequest } from '../../src/waku/mail-exchange.js'
import type { ReceivedMessage } from '../../src/waku/subscription.js'
import { toHex } from '../../src/wire/bytes.js'
import { bloomOf, topicBloom } from '../../src/wire/envelope/bloom.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import type { Capability } from '../../src/wire/request/dialect.js'
import { DIALECTS } from '../../src/wire/request/dialect.js'
import { type Dialect, encodeHistoryRequest } from '../../src/wire/request/history-request.js'
import { RequestErrorCode } from '../../src/wire/request/request-error.js'
import { encodeList, encodeString, encodeUint } from '../../src/wire/rlp.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { silentLogger } from '../helpers/logger.js'
import { loneNode } from '../helpers/scripted-peer.js'
import { until } from '../helpers/waku-node.js'
import { aRequest, KEY, sealPayload, sealRequest } from '../mailserver/request-maker.js'
import { type LegacyNode, type LegacyNodeInit, legacyNode, meet } from './legacy-node.js'
import { PacketPeer } from './packet-peer.js'

const CAPABILITIES: Capability[] = ['waku/1', 'waku/0', 'shh/6']
const RED = Uint8Array.of(0xaa, 0, 0, 1)
const BLUE = Uint8Array.of(0xbb, 0, 0, 2)
const OLD = 1_600_000_000

const hashesOf = (envelopes: readonly Envelope[]): string[] => envelopes.map(({ hashHex }) => hashHex)

function expired(count: number, fields: { topic?: Uint8Array; from?: number } = {}): Envelope[] {
  return Array.from({ length: count }, (_, i) => newEnvelope({ sent: (fields.from ?? OLD) + i, ...fields }))
}

/** Two nodes that speak one capability, met. */
async function pair(
  t: Parameters<typeof legacyNode>[0],
  capability: Capability,
  init: { server?: LegacyNodeInit; client?: LegacyNodeInit } = {}
): Promise<{ server: LegacyNode; client: LegacyNode }> {
  const capabilities = [capability]
  const server = await legacyNode(t, { ...init.server, devp2p: { ...init.server?.devp2p, capabilities } })
  const client = await legacyNode(t, { ...init.client, devp2p: { ...init.client?.devp2p, capabilities } })
  await meet(client, server)
  await client.trust.add(server.key.peerId)
  return { server, client }
}

function queryOf(server: LegacyNode, query: Partial<HistoryQuery> = {}): HistoryQuery {
  return { server: server.key.peerId, network: 'devp2p', from: OLD, requestKey: KEY, ...query }
}

async function fetch(client: LegacyNode, query: HistoryQuery): Promise<Envelope[]> {
  const envelopes: Envelope[] = []
  for await (const envelope of client.client.envelopes(query)) envelopes.push(envelope)
  return envelopes
}

for (const capability of CAPABILITIES) {
  test(`${capability}: what one posts the other stores, confirms, and passes on to a third [WAKU-01] [WAKU-03] [USE-04]`, async t => {
    const { server, client } = await pair(t, capability)
    const third = await legacyNode(t, { devp2p: { capabilities: [capability] } })
    await meet(third, server)
    const heard: ReceivedMessage[] = []
    third.waku.subscribe({}, message => heard.push(message))
    const envelope = newEnvelope()
    const posted = await client.waku.post({ envelope, to: server.key.peerId })
    assert.deepEqual(posted.confirmed.map(String), [String(server.key.peerId)])
    assert.equal((await server.archive.stats()).envelopes, 1)
    await until(() => heard.length === 1)
    assert.equal(heard[0]?.envelope.hashHex, envelope.hashHex)
    assert.equal(
      client.waku.counters.snapshot().envelopes_received,
      0,
      'nothing comes back, confirmations go no further'
    )
    assert.equal(third.waku.counters.snapshot().confirmations_received, 0)
  })

  test(`${capability}: a history is complete and in order, whatever the page size and form [MAIL-25] [BR-06] [D-01]`, async t => {
    const { server, client } = await pair(t, capability, { server: { devp2p: { plainRequests: true } } })
    const envelopes = expired(50)
    await server.archive.append(envelopes)
    const dialects = Object.keys(DIALECTS) as Dialect[]
    for (const dialect of dialects) {
      const { cursor, topics } = DIALECTS[dialect]
      for (const pageSize of [7, 50, 1000]) {
        if ((!cursor && pageSize < 50 && DIALECTS[dialect].limit !== 'stream') || dialect === 'raw112') continue
        const query = queryOf(server, { pageSize, dialect, ...(topics ? { topics: [Uint8Array.of(1, 2, 3, 4)] } : {}) })
        const got = await fetch(client, query).catch(error => error)
        if (got instanceof Error) {
          assert.equal(got.name, 'HistoryQueryError', `${dialect}: ${got.stack}`)
          continue
        }
        assert.deepEqual(hashesOf(got), hashesOf(envelopes), `${dialect}, pages of ${pageSize}`)
      }
    }
  })
}

test('topics beside a bloom filter: what comes beyond them is dropped and is no offence', async t => {
  const { server, client } = await pair(t, 'waku/1')
  const red = expired(20, { topic: RED })
  await server.archive.append([...red, ...expired(20, { topic: BLUE, from: OLD + 100 })])
  assert.deepEqual(hashesOf(await fetch(client, queryOf(server, { topics: [RED] }))), hashesOf(red))
  assert.deepEqual(hashesOf(await fetch(client, queryOf(server, { bloom: topicBloom(RED) }))), hashesOf(red))
  assert.equal((await fetch(client, queryOf(server, { bloom: bloomOf([RED, BLUE]) }))).length, 40)
})

test('a request that lies open is served only where the operator allowed it, and counts like any other [D-02]', async t => {
  for (const capability of CAPABILITIES) {
    const dialect = capability === 'shh/6' ? 'plain6' : 'plain7'
    const query = { dialect, bloom: bloomOf([RED]) } as const
    for (const allowed of [false, true]) {
      const { server, client } = await pair(t, capability, {
        server: { devp2p: { plainRequests: allowed } },
        client: { mailclient: { retries: 0 } }
      })
      const red = expired(3, { topic: RED })
      await server.archive.append(red)
      const got = fetch(client, queryOf(server, query))
      if (allowed) assert.deepEqual(hashesOf(await got), hashesOf(red))
      else await assert.rejects(got, { name: 'RequestError', code: RequestErrorCode.notAllowed })
      assert.equal(server.mailserver.tally.get('requests'), 1)
    }
  }
})

test('a request may be sealed to the key that the operator gave the server, and to no other [PAY-10]', async t => {
  const requestKey = new NodeKey()
  for (const capability of CAPABILITIES) {
    const { server, client } = await pair(t, capability, {
      server: { mailserver: { requestPrivateKey: requestKey.privateKey } },
      client: { mailclient: { retries: 0 } }
    })
    const envelopes = expired(10)
    await server.archive.append(envelopes)
    const query = queryOf(server, { requestKey: undefined, pageSize: 3 })
    const got = await fetch(client, { ...query, requestPublicKey: requestKey.publicKey })
    assert.deepEqual(hashesOf(got), hashesOf(envelopes))
    await assert.rejects(fetch(client, { ...query, requestPublicKey: new NodeKey().publicKey }), {
      name: 'RequestError',
      code: RequestErrorCode.undecryptable
    })
  }
})

test('every refusal reaches the client as the error that it is, and is asked no further [D-03]', async t => {
  // so much that nobody has it by chance
  const { server, client } = await pair(t, 'waku/1', {
    server: { mailserver: { policies: { devp2p: { pow: 1 } } } },
    client: { mailclient: { retries: 0 } }
  })
  const cases: [Partial<HistoryQuery>, keyof typeof RequestErrorCode][] = [
    [{ requestKey: new Uint8Array(32).fill(1), pow: 1 }, 'undecryptable'],
    [{ pow: 0 }, 'pow'],
    [{ pageSize: 1001, dialect: 'sg7', pow: 1 }, 'notAllowed']
  ]
  for (const [query, code] of cases) {
    await assert.rejects(fetch(client, queryOf(server, query)), { name: 'RequestError', code: RequestErrorCode[code] })
  }
})

test('a refusal has the form of the request: a string with the words, or a list of three without any [D-03] [D-01]', async t => {
  const node = await legacyNode(t)
  const peer = await PacketPeer.dial(t, node, 'waku/1')
  await peer.shakeHands()
  const refused = async (payload: Uint8Array): Promise<[id: string, body: string]> => {
    const { raw, hashHex } = sealPayload(payload)
    await peer.send(PacketCode.Request, raw)
    return [hashHex, toHex((await peer.find(PacketCode.RequestComplete)).body)]
  }
  const backwards = aRequest({ lower: 20, upper: 10 })
  for (const dialect of ['spec4', 'spec5', 'spec6t'] as const) {
    const [id, body] = await refused(encodeHistoryRequest(backwards, dialect))
    assert.equal(body, `f843a0${id}a0${'00'.repeat(32)}80`)
  }
  const [time, limit, none] = [encodeUint(10), encodeUint(20), encodeString(new Uint8Array())]
  const bytes = (length: number): Uint8Array => encodeString(new Uint8Array(length).fill(0xff))
  for (const items of [
    [time, time, bytes(63), limit],
    [time, time, bytes(64), limit, bytes(35)],
    [bytes(5), time, bytes(64), limit, none],
    [time, time, bytes(64), limit, encodeList([bytes(4)])],
    [time, time, bytes(64), limit, none, encodeList([bytes(3)])],
    [time, time, bytes(64), bytes(5), none, encodeList([bytes(4)])]
  ]) {
    const [id, body] = await refused(encodeList(items))
    assert.equal(body, `f843a0${id}a0${'00'.repeat(32)}80`, 'what only the specification writes so')
  }
  const words = toHex(new TextEncoder().encode('query range is invalid: lower > upper'))
  for (const dialect of ['sg6', 'sg7'] as const) {
    const [id, body] = await refused(encodeHistoryRequest(backwards, dialect))
    assert.equal(body, `b84b4552524f523d${id}${words}`)
  }
})

test('who must sign and does not is refused in the form of the request too [D-03]', async t => {
  const node = await legacyNode(t, { mailserver: { policies: { devp2p: { signature: 'any' } } } })
  const peer = await PacketPeer.dial(t, node, 'waku/1')
  await peer.shakeHands()
  for (const [payload, byte] of [
    [encodeHistoryRequest(aRequest(), 'spec5'), 0xf8],
    [encodeHistoryRequest(aRequest(), 'sg7'), 0xb8],
    [encodeList([encodeUint(1)]), 0xb8]
  ] as const) {
    await peer.send(PacketCode.Request, sealPayload(payload).raw)
    assert.equal((await peer.find(PacketCode.RequestComplete)).body[0], byte)
  }
  assert.equal(node.mailserver.tally.get('refused_signature'), 3)
})

test('history comes from old to new, as deployed LevelDB servers send it [USE-03]', async t => {
  const { server, client } = await pair(t, 'waku/1')
  const envelopes = expired(20)
  await server.archive.append(envelopes.toReversed())
  assert.deepEqual(hashesOf(await fetch(client, queryOf(server, { pageSize: 6 }))), hashesOf(envelopes))
})

test('a server that allows a request now and then is asked again, sealed anew', async t => {
  const { server, client } = await pair(t, 'waku/1', { server: { mailserver: { maxRequests: 1 } } })
  const envelopes = expired(5)
  await server.archive.append(envelopes)
  const other = await legacyNode(t, { devp2p: { capabilities: ['waku/1'] } })
  await meet(other, server)
  await other.trust.add(server.key.peerId)
  const histories = await Promise.all([client, other].map(node => fetch(node, queryOf(server, { pageSize: 1 }))))
  for (const history of histories) assert.deepEqual(hashesOf(history), hashesOf(envelopes))
})

test('a request carries the address that it came from, for fair turns', async t => {
  const waku = await loneNode()
  t.after(() => waku.stop())
  const origins: string[] = []
  const services = { waku, handle: async ({ origin }: IncomingRequest) => void origins.push(origin.address) }
  const devp2p = new Devp2pService(
    { logger: silentLogger(), services: () => services },
    { key: new NodeKey(), listen: [{ host: '127.0.0.1', port: 0 }] }
  )
  await devp2p.start()
  t.after(() => devp2p.stop())
  const peer = await PacketPeer.dial(t, { enode: devp2p.enode as string }, 'waku/1')
  await peer.shakeHands()
  await peer.send(PacketCode.Request, sealRequest().raw)
  await until(() => origins.length > 0)
  assert.deepEqual(origins, ['127.0.0.1'])
})
