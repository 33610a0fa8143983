import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HistoryQuery } from '../../src/mailclient/history-query.js'
import type { ReceivedMessage } from '../../src/waku/subscription.js'
import { bloomOf, topicBloom } from '../../src/wire/bloom.js'
import type { Capability } from '../../src/wire/dialect.js'
import { DIALECTS } from '../../src/wire/dialect.js'
import type { Envelope } from '../../src/wire/envelope.js'
import type { Dialect } from '../../src/wire/history-request.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { until } from '../helpers/waku-node.js'
import { KEY } from '../mailserver/request-maker.js'
import { type LegacyNode, type LegacyNodeInit, legacyNode, meet } from './legacy-node.js'

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
  return { server: server.key.peerId, network: 'devp2p', from: OLD, key: KEY, ...query }
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

  test(`${capability}: a refused envelope is refused by name, the others of the packet are taken`, async t => {
    const { server, client } = await pair(t, capability)
    const stale = newEnvelope({ sent: unixNow() - 100, ttl: 99 })
    client.waku.counters.snapshot()
    const result = await client.waku.post({ envelope: newEnvelope({ ttl: 60 }), to: server.key.peerId })
    assert.equal(result.refused.length, 0)
    await assert.rejects(client.waku.post({ envelope: stale, to: server.key.peerId }), { name: 'InvalidPostError' })
    assert.equal((await server.archive.stats()).envelopes, 1)
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
