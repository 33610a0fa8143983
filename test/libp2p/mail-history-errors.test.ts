import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { MAIL_PROTOCOL } from '../../src/libp2p/mail-protocol.js'
import type { HistoryQuery } from '../../src/mailclient/history-query.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { RequestErrorCode as Code } from '../../src/wire/request/request-error.js'
import { until } from '../helpers/waku-node.js'
import { expired, fetch, queryOf } from './asking.js'
import { clientNode, serverNode } from './mail-nodes.js'

test('nothing is asked of a server that is not trusted [MAIL-26] [USE-02]', async t => {
  const server = await serverNode(t)
  const client = await clientNode(t, [server])
  await client.trust.remove(server.libp2p.peerId)
  await assert.rejects(fetch(client, queryOf(server)), { name: 'UntrustedServerError' })
  assert.equal(server.server.tally.get('requests'), 0)
  await client.trust.add(server.libp2p.peerId)
  assert.deepEqual(await fetch(client, queryOf(server)), [])
})

test('trust that is revoked midway ends the history with an error [MAIL-27] [D-09]', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(50))
  const client = await clientNode(t, [server], { windowPages: 1 })
  let pages = 0
  const run = async (): Promise<void> => {
    for await (const _page of client.client.history(queryOf(server, { pageSize: 1 }))) {
      if (++pages === 3) await client.trust.remove(server.libp2p.peerId)
    }
  }
  await assert.rejects(run, { name: 'TrustRevokedError' })
  assert.equal(pages < 50, true)
})

test('the byte budget of a server ends its history, and the server is reported [MAIL-38]', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(50))
  const client = await clientNode(t, [server])
  await client.trust.add(server.libp2p.peerId, { bytesPerDay: 5000 })
  const reports: string[] = []
  client.client.addEventListener('report', ({ detail }) => reports.push(`${detail.peer} ${detail.reason}`))
  const seen: Envelope[] = []
  const run = async (): Promise<void> => {
    for await (const page of client.client.history(queryOf(server, { pageSize: 5 }))) seen.push(...page.envelopes)
  }
  await assert.rejects(run, { name: 'ByteBudgetError' })
  assert.equal(seen.length > 0 && seen.length < 50, true)
  assert.deepEqual(reports, [`${server.libp2p.peerId} budget`])
  assert.equal(client.trust.used(server.libp2p.peerId) <= 5000, true)
})

test('a request is signed with the key that is given', async t => {
  const server = await serverNode(t, { policies: { libp2p: { signature: 'any' } } })
  const client = await clientNode(t, [server])
  await assert.rejects(fetch(client, queryOf(server)), { name: 'RequestError', code: Code.signature })
  const { raw } = await generateKeyPair('secp256k1')
  assert.deepEqual(await fetch(client, queryOf(server, { signWith: raw })), [])
})

test('what the server refuses is thrown with its code, not taken for an empty history', async t => {
  const server = await serverNode(t, { policies: { libp2p: { pow: 1 } } })
  const client = await clientNode(t, [server])
  // without mining one in 30,000 envelopes would do
  await assert.rejects(fetch(client, queryOf(server, { pow: 0 })), { name: 'RequestError', code: Code.pow })
  assert.deepEqual(await fetch(client, queryOf(server, { pow: 1 })), [])
  const wrong = queryOf(server, { requestKey: new Uint8Array(32).fill(1), pow: 1 })
  await assert.rejects(fetch(client, wrong), { name: 'RequestError', code: Code.undecryptable })
})

test('a query that makes no sense is refused before anything is sent [MAIL-22]', async t => {
  const server = await serverNode(t)
  const client = await clientNode(t, [server])
  const topic = (length: number): Uint8Array => new Uint8Array(length)
  const bad: Array<Partial<HistoryQuery>> = [
    { from: -1 },
    { from: 1.5 },
    { from: 10, to: 9 },
    { to: 0 },
    { to: 2 ** 32 },
    { topics: [] },
    { topics: Array.from({ length: 1001 }, () => topic(4)) },
    { topics: [topic(3)] },
    { bloom: topic(63) },
    { limit: 0 },
    { limit: 1.5 },
    { pageSize: 0 },
    { pageSize: 2 ** 32 },
    { requestKey: topic(31) },
    { dialect: 'raw72' },
    { network: 'devp2p' }
  ]
  for (const query of bad) {
    await assert.rejects(fetch(client, queryOf(server, query)), { name: 'HistoryQueryError' }, JSON.stringify(query))
  }
  assert.equal(server.server.tally.get('requests'), 0)
})

test('leaving early resets the stream, and the server stops', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(200))
  const client = await clientNode(t, [server])
  for await (const _page of client.client.history(queryOf(server, { pageSize: 1 }))) break
  const [connection] = client.libp2p.getConnections()
  await until(() => connection?.streams.every(({ protocol }) => protocol !== MAIL_PROTOCOL) === true)
  const asked = server.server.tally.get('requests')
  assert.equal(asked < 10, true)
  assert.equal((await fetch(client, queryOf(server))).length, 200, 'and another history begins afresh')
})

test('an abort ends a history with its reason, before and while it runs', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(20))
  const client = await clientNode(t, [server])
  await assert.rejects(fetch(client, queryOf(server, { signal: AbortSignal.abort() })), { name: 'AbortError' })
  const abort = new AbortController()
  const run = async (): Promise<void> => {
    for await (const _page of client.client.history(queryOf(server, { pageSize: 1, signal: abort.signal })))
      abort.abort()
  }
  await assert.rejects(run, { name: 'AbortError' })
})

test('stopping the client ends its histories with an error', async t => {
  const server = await serverNode(t)
  await server.archive.append(expired(20))
  const client = await clientNode(t, [server])
  const run = async (): Promise<void> => {
    for await (const _page of client.client.history(queryOf(server, { pageSize: 1 }))) client.client.stop()
  }
  await assert.rejects(run, { name: 'MailClientStoppedError' })
  await assert.rejects(fetch(client, queryOf(server)), { name: 'MailClientStoppedError' })
})

test('a server that cannot be reached, or is none, is a typed error', async t => {
  const server = await serverNode(t)
  const client = await clientNode(t, [server], { retries: 1 })
  await server.protocol.beforeStop()
  await assert.rejects(fetch(client, queryOf(server)), { name: 'ServerUnreachableError' })
  await server.libp2p.stop()
  await assert.rejects(fetch(client, queryOf(server)), { name: 'ServerUnreachableError' })
})

test('more streams than the server allows is a typed error', async t => {
  const server = await serverNode(t, { streamsPerPeer: 2 })
  await server.archive.append(expired(20))
  const client = await clientNode(t, [server], { windowPages: 1, retries: 0 })
  const query = queryOf(server, { pageSize: 1 })
  const [first, second] = [client.client.history(query), client.client.history(query)]
  await Promise.all([first.next(), second.next()])
  await assert.rejects(fetch(client, query), {
    name: 'StreamRefusedError',
    message: /^2 histories of this server are under way here, .* leave it by break or return\(\)$/
  })
  await Promise.all([first.return(), second.return()])
})

test('a stream that was reset is told from a connection that ended', async t => {
  const server = await serverNode(t)
  const client = await clientNode(t, [server], { retries: 0 })
  await server.protocol.beforeStop()
  await server.libp2p.handle(MAIL_PROTOCOL, stream => stream.abort(new Error('no')))
  await assert.rejects(fetch(client, queryOf(server)), {
    name: 'StreamRefusedError',
    message: /kept the connection: too many/
  })
  await server.libp2p.unhandle(MAIL_PROTOCOL)
  await server.libp2p.handle(MAIL_PROTOCOL, (_stream, connection) => connection.abort(new Error('no')))
  await assert.rejects(fetch(client, queryOf(server)), {
    name: 'LineBrokenError',
    message: 'the connection to the server ended before it answered'
  })
})
