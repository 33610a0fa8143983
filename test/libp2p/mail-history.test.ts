import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAIL_PROTOCOL } from '../../src/libp2p/mail-protocol.js'
import type { HistoryQuery } from '../../src/mailclient/history-query.js'
import type { HistoryPage } from '../../src/mailclient/history-walk.js'
import type { ReceivedMessage } from '../../src/waku/subscription.js'
import { topicBloom } from '../../src/wire/envelope/bloom.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { parseTopic } from '../../src/wire/envelope/topic.js'
import { encodePayload } from '../../src/wire/payload/payload.js'
import { sealSymmetric } from '../../src/wire/payload/symmetric.js'
import type { Dialect } from '../../src/wire/request/history-request.js'
import { RequestErrorCode as Code } from '../../src/wire/request/request-error.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { scriptedPeer } from '../helpers/scripted-peer.js'
import { until } from '../helpers/waku-node.js'
import { inOrder } from '../mailserver/fixture.js'
import { expired, fetch, hashesOf, OLD, queryOf } from './asking.js'
import { type ClientNode, clientNode, serverNode } from './mail-nodes.js'

const RED = parseTopic('0xaa000001')

async function pagesOf(client: ClientNode, query: HistoryQuery): Promise<HistoryPage[]> {
  const pages: HistoryPage[] = []
  for await (const page of client.client.history(query)) pages.push(page)
  return pages
}

test('a history is complete, in order and without a double, whatever the page size [MAIL-28] [MAIL-30] [MAIL-32] [MAIL-33]', async t => {
  const server = await serverNode(t)
  const envelopes = expired(120)
  await server.archive.append(envelopes)
  const client = await clientNode(t, [server])
  for (const pageSize of [1, 7, 60, 119, 120, 1000]) {
    const pages = await pagesOf(client, queryOf(server, { pageSize }))
    assert.deepEqual(
      pages.flatMap(page => hashesOf(page.envelopes)),
      hashesOf(envelopes),
      `pages of ${pageSize}`
    )
    assert.equal(pages.length, Math.ceil(120 / pageSize))
    assert.equal(pages.at(-1)?.cursor, undefined)
  }
})

test('all pages travel on one stream, which ends with the history', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(50))
  const client = await clientNode(t, [server])
  const [connection] = client.libp2p.getConnections()
  const opened = new Set<string>()
  for await (const _page of client.client.history(queryOf(server, { pageSize: 5 }))) {
    for (const stream of connection?.streams ?? []) if (stream.protocol === MAIL_PROTOCOL) opened.add(stream.id)
  }
  assert.equal(opened.size, 1)
  await until(() => connection?.streams.every(({ protocol }) => protocol !== MAIL_PROTOCOL) === true)
})

test('what comes goes through the same filters as live messages, marked as historic, once [MAIL-29] [MAIL-36]', async t => {
  const server = await serverNode(t)
  const contentKey = new Uint8Array(32).fill(3)
  const text = (n: number): Uint8Array => new TextEncoder().encode(`message ${n}`)
  const envelopes = [1, 2, 3].map(n =>
    newEnvelope({ sent: OLD + n, topic: RED, data: sealSymmetric(encodePayload({ payload: text(n) }), contentKey) })
  )
  await server.archive.append([...envelopes, ...expired(5)])
  const client = await clientNode(t, [server])
  const messages: ReceivedMessage[] = []
  client.waku.subscribe({ topics: [RED], key: contentKey }, message => messages.push(message))
  let live = 0
  client.waku.subscribe({ historic: false }, () => live++)
  for (let i = 0; i < 2; i++) assert.equal((await fetch(client, queryOf(server))).length, 8, 'every run brings it')
  assert.deepEqual(
    messages.map(({ payload, historic, peer }) => [new TextDecoder().decode(payload), historic, String(peer)]),
    [1, 2, 3].map(n => [`message ${n}`, true, String(server.libp2p.peerId)])
  )
  assert.equal(live, 0)
})

test('history is neither forwarded nor archived [WAKU-56] [MAIL-06]', async t => {
  const server = await serverNode(t)
  await server.archive.append([newEnvelope(), newEnvelope()])
  const client = await clientNode(t, [server])
  const stored: Envelope[] = []
  client.waku.setStore({
    append: async envelopes => {
      stored.push(...envelopes)
      return envelopes.map(() => 'stored')
    }
  })
  const neighbour = await scriptedPeer(client.waku)
  assert.equal((await fetch(client, queryOf(server))).length, 2)
  const live = newEnvelope()
  await client.waku.post({ envelope: live })
  const first = await neighbour.nextEnvelopes()
  assert.deepEqual(hashesOf(first), [live.hashHex], 'what is posted afterwards is the first thing that leaves')
  assert.deepEqual(hashesOf(stored), [live.hashHex])
})

test('topics, bloom, range and limit select what comes, in every dialect [MAIL-07] [MAIL-09] [MAIL-11] [MAIL-18] [MAIL-20] [MAIL-35]', async t => {
  const server = await serverNode(t)
  const [red, other] = [expired(6, { topic: RED }), expired(6)]
  await server.archive.append([...red, ...other])
  const client = await clientNode(t, [server])
  for (const dialect of ['spec5', 'spec6t', 'sg6', 'sg7'] as Dialect[]) {
    const query = queryOf(server, { dialect, topics: [RED], pageSize: 4 })
    assert.deepEqual(hashesOf(await fetch(client, query)), hashesOf(red), dialect)
  }
  const bloom = queryOf(server, { bloom: topicBloom(RED) })
  assert.deepEqual(hashesOf(await fetch(client, bloom)), hashesOf(red))
  const range = queryOf(server, { from: OLD + 1, to: OLD + 3, topics: [RED] })
  assert.deepEqual(hashesOf(await fetch(client, range)), hashesOf(red.slice(1, 4)))
  const some = queryOf(server, { limit: 5, pageSize: 2 })
  assert.deepEqual(hashesOf(await fetch(client, some)), hashesOf(inOrder([...red, ...other]).slice(0, 5)))
})

test('a form without a cursor cannot go on, and says so after the first page', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(5))
  const client = await clientNode(t, [server])
  const seen: Envelope[] = []
  const run = async (): Promise<void> => {
    const query = queryOf(server, { dialect: 'spec4', pageSize: 3 })
    for await (const page of client.client.history(query)) seen.push(...page.envelopes)
  }
  await assert.rejects(run, { name: 'CannotContinueError' })
  assert.equal(seen.length, 3)
  assert.equal((await fetch(client, queryOf(server, { dialect: 'spec4' }))).length, 5)
})

test('an open end is fixed when the history begins', async t => {
  let clock = OLD
  const server = await serverNode(t)
  const client = await clientNode(t, [server], { now: () => clock, retries: 0 })
  await server.archive.append([
    newEnvelope({ sent: OLD }),
    newEnvelope({ sent: OLD + 60 }),
    newEnvelope({ sent: OLD + 61 })
  ])
  const history = client.client.history(queryOf(server, { pageSize: 1 }))
  // the server's clock is not the client's: the request is far out of its time
  await assert.rejects(history.next(), { name: 'RequestError', code: Code.notAllowed })
  clock = unixNow()
  await server.archive.append([newEnvelope({ sent: clock + 60 }), newEnvelope({ sent: clock + 61 })])
  assert.equal((await fetch(client, queryOf(server, { from: OLD + 61 }))).length, 2)
})

test('a cursor goes on where a page ended, at its own server only [MAIL-16] [MAIL-33]', async t => {
  const [server, other] = [await serverNode(t), await serverNode(t)]
  const envelopes = expired(10)
  await server.archive.append(envelopes)
  await other.archive.append(envelopes)
  const client = await clientNode(t, [server, other])
  const [page] = await pagesOf(client, queryOf(server, { limit: 4 }))
  assert.equal(page?.envelopes.length, 4)
  const rest = await fetch(client, queryOf(server, { cursor: page?.cursor }))
  assert.deepEqual(hashesOf(rest), hashesOf(envelopes.slice(4)))
  await assert.rejects(fetch(client, queryOf(other, { cursor: page?.cursor })), { name: 'HistoryCursorError' })
  await assert.rejects(fetch(client, queryOf(server, { cursor: 'ab'.repeat(36) })), { name: 'HistoryCursorError' })
  assert.equal(other.server.tally.get('requests'), 0)
})

test('the next page is asked for while one is consumed, within the window', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(20))
  const client = await clientNode(t, [server], { windowPages: 2 })
  const history = client.client.history(queryOf(server, { pageSize: 1 }))
  await history.next()
  await until(() => server.server.tally.get('pages_delivered') === 3)
  // a consumer that takes its time: nothing more is asked for
  await new Promise(resolve => setTimeout(resolve, 100))
  assert.equal(server.server.tally.get('requests'), 3)
  await history.next()
  await until(() => server.server.tally.get('pages_delivered') === 4)
  await history.return()
})

test('a line that the server ended while a page was consumed is opened anew', async t => {
  const server = await serverNode(t, { idleTimeout: 500 })
  const envelopes = expired(6)
  await server.archive.append(envelopes)
  const client = await clientNode(t, [server], { windowPages: 1, retries: 0 })
  const seen: Envelope[] = []
  for await (const page of client.client.history(queryOf(server, { pageSize: 1 }))) {
    seen.push(...page.envelopes)
    if (seen.length === 2) {
      const [connection] = client.libp2p.getConnections()
      await until(() => connection?.streams.every(({ protocol }) => protocol !== MAIL_PROTOCOL) === true)
    }
  }
  assert.deepEqual(hashesOf(seen), hashesOf(envelopes))
})
