import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeStringComplete } from '../../src/wire/request/string-complete.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { until } from '../helpers/waku-node.js'
import { hashesOf } from '../interop/history.js'
import { KEY } from '../mailserver/request-maker.js'
import { type LegacyNodeInit, legacyNode } from './legacy-node.js'
import { PacketPeer } from './packet-peer.js'

const OLD = 1_600_000_000

/** Our client at a server that the test plays. */
async function atServer(t: Parameters<typeof legacyNode>[0], init: LegacyNodeInit = {}) {
  const { enode, peer } = await PacketPeer.listen(t, 'waku/1')
  const node = await legacyNode(t, init)
  const name = node.devp2p.addAddress(enode)
  await node.trust.add(name)
  const [server] = await Promise.all([peer, node.waku.connect(name), peer.then(server => server.shakeHands())])
  const history = (query: { signal?: AbortSignal; pageSize?: number } = {}) =>
    node.client.envelopes({ server: name, network: 'devp2p', from: OLD, to: OLD + 1000, requestKey: KEY, ...query })
  return { server, node, name, history }
}

async function all(envelopes: AsyncIterable<Envelope>): Promise<string[]> {
  const got: Envelope[] = []
  for await (const envelope of envelopes) got.push(envelope)
  return hashesOf(got)
}

/** Takes the next request; how it is answered. */
async function asked(server: PacketPeer) {
  const { body } = await server.find(PacketCode.Request)
  const requestId = keccak256(body)
  return {
    deliver: (...envelopes: Envelope[]) =>
      server.send(PacketCode.P2PMessage, encodeMessages(envelopes.map(({ raw }) => raw))),
    complete: (last?: Envelope) =>
      server.send(
        PacketCode.RequestComplete,
        encodeStringComplete({ requestId, lastHash: last?.hash ?? new Uint8Array(32) })
      )
  }
}

const some = (count: number, from = OLD): Envelope[] =>
  Array.from({ length: count }, (_, i) => newEnvelope({ sent: from + i }))

test('requests to one server go out one at a time, and each gets its own answer', async t => {
  const { server, history } = await atServer(t)
  const first = all(history())
  const one = await asked(server)
  const second = all(history())
  const [a, b, c] = some(3) as [Envelope, Envelope, Envelope]
  await one.deliver(a)
  await one.deliver(b)
  assert.deepEqual(
    server.waiting.filter(({ code }) => code === PacketCode.Request),
    [],
    'the other one waits'
  )
  await one.complete(b)
  assert.deepEqual(await first, hashesOf([a, b]))
  const two = await asked(server)
  await two.deliver(c)
  await two.complete(c)
  assert.deepEqual(await second, hashesOf([c]))
})

test('a request that is given up costs nothing: its answer is read to the end and dropped, and the next one is asked', async t => {
  const { server, node, history } = await atServer(t)
  const controller = new AbortController()
  const first = all(history({ signal: controller.signal }))
  const one = await asked(server)
  await one.deliver(...some(5))
  controller.abort(new Error('enough'))
  await assert.rejects(first, { message: 'enough' })
  const second = all(history())
  await one.deliver(...some(5, OLD + 10))
  await one.deliver(...some(5, OLD + 20))
  assert.deepEqual(
    server.waiting.filter(({ code }) => code === PacketCode.Request),
    []
  )
  await one.complete()
  const two = await asked(server)
  const [wanted] = some(1, OLD + 30) as [Envelope]
  await two.deliver(wanted)
  await two.complete(wanted)
  assert.deepEqual(await second, [wanted.hashHex])
  assert.ok(node.devp2p.tally.get('answers_drained') >= 2)
  assert.equal(node.devp2p.tally.get('exchanges_drained'), 1)
  assert.equal(node.devp2p.connections.length, 1)
})

test('a server that never completes a request that was given up is asked again after a while', async t => {
  const { server, node, history } = await atServer(t, { devp2p: { drainTimeout: 100 } })
  const controller = new AbortController()
  const first = all(history({ signal: controller.signal }))
  await asked(server)
  controller.abort()
  await assert.rejects(first)
  const second = all(history())
  const two = await asked(server)
  await two.complete()
  assert.deepEqual(await second, [])
  assert.equal(node.devp2p.tally.get('exchanges_undrained'), 1)
})

test('a server that goes on and on with what was given up is disconnected', async t => {
  const { server, node, history } = await atServer(t, { devp2p: { drainTimeout: 300 } })
  const controller = new AbortController()
  const first = all(history({ signal: controller.signal }))
  const one = await asked(server)
  controller.abort()
  await assert.rejects(first)
  const sending = (async () => {
    for (let i = 0; !server.connection.signal.aborted; i++) {
      await one.deliver(...some(1, OLD + i)).catch(() => {})
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  })()
  await server.connection.closed
  await sending
  await until(() => node.devp2p.connections.length === 0)
})

test('a connection that ends in the middle of an answer is an error, never a short history', async t => {
  const { server, history } = await atServer(t, { mailclient: { retries: 0 } })
  const first = all(history())
  const one = await asked(server)
  await one.deliver(...some(5))
  server.connection.abort(new Error('gone'))
  await assert.rejects(first, { name: 'LineBrokenError' })
})

test('a broken connection is dialled again and the page asked for anew; trust is by name and outlives it [D-09] [USE-02]', async t => {
  const key = { requestKey: KEY, devp2p: { capabilities: ['waku/1' as const] } }
  const server = await legacyNode(t, key)
  const client = await legacyNode(t, key)
  const envelopes = some(30)
  await server.archive.append(envelopes)
  const peer = client.devp2p.addAddress(server.enode)
  const query = { server: peer, network: 'devp2p' as const, from: OLD, requestKey: KEY, pageSize: 7 }
  await assert.rejects(all(client.client.envelopes(query)), { name: 'UntrustedServerError' })
  await client.trust.add(peer)
  const got: string[] = []
  for await (const page of client.client.history(query)) {
    got.push(...hashesOf(page.envelopes))
    for (const connection of server.devp2p.connections) connection.abort(new Error('cut'))
  }
  assert.deepEqual(got, hashesOf(envelopes))
  await client.trust.remove(peer)
  await assert.rejects(all(client.client.envelopes(query)), { name: 'UntrustedServerError' })
})

test('a server whose answers have no completion is through when it falls silent; the limit holds all the same', async t => {
  const { enode, peer } = await PacketPeer.listen(t, 'shh/6')
  const node = await legacyNode(t, { mailclient: { quietTime: 200, firstTimeout: 500 } })
  const name = node.devp2p.addAddress(enode)
  await node.trust.add(name)
  const shake = peer.then(async server => {
    await server.send(PacketCode.Status, Uint8Array.of(0xc4, 0x06, 0x80, 0x80, 0x80))
  })
  const [server] = await Promise.all([peer, node.waku.connect(name), shake])
  const envelopes = some(10)
  const query = { server: name, network: 'devp2p' as const, from: OLD, to: OLD + 100, requestKey: KEY }
  const first = all(node.client.envelopes({ ...query, limit: 6 }))
  await server.find(PacketCode.Request)
  for (const { raw } of envelopes) await server.send(PacketCode.P2PMessage, raw)
  assert.deepEqual(await first, hashesOf(envelopes.slice(0, 6)))
  const second = all(node.client.envelopes(query))
  await server.find(PacketCode.Request)
  await assert.rejects(second, { name: 'SilentServerError' })
})
