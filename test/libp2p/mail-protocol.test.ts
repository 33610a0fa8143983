import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Archive } from '../../src/archive/archive.js'
import { MAIL_PROTOCOL } from '../../src/libp2p/mail-protocol.js'
import { fromHex } from '../../src/wire/bytes.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { decodeRequestComplete } from '../../src/wire/request/request-complete.js'
import { RequestErrorCode as Code } from '../../src/wire/request/request-error.js'
import { EMPTY_LIST, encodeString } from '../../src/wire/rlp.js'
import { archiveWith } from '../helpers/archive-with.js'
import { writeAtOnce } from '../helpers/at-once.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { libp2pNode } from '../helpers/libp2p-node.js'
import { until } from '../helpers/waku-node.js'
import { diskArchive } from '../mailserver/fixture.js'
import { sealRequest } from '../mailserver/request-maker.js'
import { ending, RawRequester, rawRequester, serverNode } from './mail-nodes.js'

test('a request needs no Status: 0x7e is answered by 0x7f and one 0x7d [MAIL-06] [MAIL-07] [MAIL-08] [MAIL-30]', async t => {
  const server = await serverNode(t)
  const envelope = newEnvelope()
  await server.archive.append([envelope])
  const { requester } = await rawRequester(t, server)
  const request = sealRequest()
  requester.request(request)
  const first = await requester.next()
  assert.equal(first?.code, PacketCode.P2PMessage)
  const { complete } = await requester.answer()
  assert.deepEqual(complete, { requestId: request.hash, lastHash: envelope.hash })
})

test('requests sent at once are answered in turn, each in full; then the server closes its side', async t => {
  const server = await serverNode(t)
  await server.archive.append(Array.from({ length: 300 }, () => newEnvelope()))
  const { requester } = await rawRequester(t, server)
  const requests = Array.from({ length: 20 }, (_, i) => sealRequest({ limit: 100 + i }))
  for (const request of requests) requester.request(request)
  await requester.stream.close()
  for (const [i, request] of requests.entries()) {
    const { envelopes, complete } = await requester.answer()
    assert.equal(envelopes.length, 100 + i)
    assert.deepEqual(complete.requestId, request.hash)
  }
  assert.equal(await requester.next(), undefined)
  assert.equal(await ending(requester.stream), 'closed')
})

test('requests that come in one piece with the negotiation and the end of the requester are answered [MAIL-06]', async t => {
  const server = await serverNode(t)
  const envelope = newEnvelope()
  await server.archive.append([envelope])
  const { connection } = await rawRequester(t, server)
  for (const count of [1, 1, 1, 1, 3, 3, 3, 3]) {
    const requests = Array.from({ length: count }, () => sealRequest())
    const frames = requests.map(({ raw }) => encodeFrame(PacketCode.Request, raw))
    const { packets, status } = await writeAtOnce(connection, MAIL_PROTOCOL, Buffer.concat(frames))
    assert.deepEqual(
      packets.map(({ code }) => code),
      requests.flatMap(() => [PacketCode.P2PMessage, PacketCode.RequestComplete])
    )
    const completions = packets.filter(({ code }) => code === PacketCode.RequestComplete)
    assert.deepEqual(
      completions.map(({ body }) => decodeRequestComplete(body)),
      requests.map(({ hash }) => ({ requestId: hash, lastHash: envelope.hash }))
    )
    assert.equal(status, 'closed')
  }
})

test('the first stream of a connection may be written before the connection is ready [MAIL-06]', async t => {
  const server = await serverNode(t)
  const frame = (): Uint8Array => encodeFrame(PacketCode.Request, sealRequest().raw)
  const requester = await libp2pNode()
  t.after(() => requester.stop() as Promise<void>)
  for (let i = 0; i < 10; i++) {
    const connection = await requester.dial(server.libp2p.getMultiaddrs())
    const { packets } = await writeAtOnce(connection, MAIL_PROTOCOL, frame())
    assert.deepEqual(
      packets.map(({ code }) => code),
      [PacketCode.RequestComplete]
    )
    await connection.close()
  }
})

test('a refusal leaves the stream usable', async t => {
  const server = await serverNode(t)
  const { requester } = await rawRequester(t, server)
  requester.request(sealRequest({}, { key: new Uint8Array(32).fill(1) }))
  assert.equal((await requester.answer()).complete.error?.code, Code.undecryptable)
  requester.request(sealRequest())
  assert.equal((await requester.answer()).complete.error, undefined)
})

test('what a requester has no business sending is ignored', async t => {
  const server = await serverNode(t)
  const { requester } = await rawRequester(t, server)
  for (const code of [0x00, 0x01, 0x0b, 0x16, 0x33, PacketCode.P2PMessage, PacketCode.RequestComplete]) {
    requester.stream.send(encodeFrame(code, EMPTY_LIST))
  }
  const request = sealRequest()
  requester.request(request)
  assert.deepEqual((await requester.answer()).complete.requestId, request.hash)
})

test('a stream that breaks the form is reset, and everyone else is served on', async t => {
  const server = await serverNode(t)
  const bad: Array<[string, Uint8Array]> = [
    ['a body that is no envelope', encodeFrame(PacketCode.Request, EMPTY_LIST)],
    ['a request of more than 16 KiB', encodeFrame(PacketCode.Request, encodeString(new Uint8Array(17_000)))],
    ['a frame that is no packet', fromHex('03c101c0')],
    ['a length of 5 bytes', fromHex('ffffffffff01')]
  ]
  const { requester: bystander, connection } = await rawRequester(t, server)
  for (const [name, bytes] of bad) {
    const requester = await RawRequester.open(connection)
    requester.stream.send(bytes)
    await assert.rejects(requester.next(), Error, name)
    assert.equal(await ending(requester.stream), 'reset', name)
  }
  bystander.request(sealRequest())
  assert.equal((await bystander.answer()).complete.error, undefined)
})

test('half a request, then silence or the end, costs the stream only', async t => {
  const server = await serverNode(t, { idleTimeout: 700 })
  const whole = sealRequest()
  const half = encodeFrame(PacketCode.Request, sealRequest().raw).subarray(0, 100)
  const { requester: silent, connection } = await rawRequester(t, server)
  silent.stream.send(half)
  assert.equal(await ending(silent.stream), 'reset')
  const cut = await RawRequester.open(connection)
  cut.stream.send(half)
  await cut.stream.close()
  assert.equal(await ending(cut.stream), 'reset')
  const after = await RawRequester.open(connection)
  after.request(whole)
  assert.equal((await after.answer()).complete.error, undefined)
})

test('a silent requester loses the stream, also one that only sends what is ignored', async t => {
  const server = await serverNode(t, { idleTimeout: 200 })
  const { requester: silent, connection } = await rawRequester(t, server)
  const noisy = await RawRequester.open(connection)
  const noise = setInterval(() => {
    if (noisy.stream.status === 'open') noisy.stream.send(encodeFrame(0x33, EMPTY_LIST))
  }, 20)
  t.after(() => clearInterval(noise))
  assert.equal(await ending(silent.stream), 'reset')
  assert.equal(await ending(noisy.stream), 'reset')
})

test('an answer that takes long is no silence', async t => {
  const archive = await diskArchive(t)
  await archive.append([newEnvelope()])
  const slow: Archive = archiveWith(archive, {
    query: {
      value: async function* (query: Parameters<Archive['query']>[0]) {
        await new Promise(resolve => setTimeout(resolve, 1500))
        return yield* archive.query(query)
      }
    }
  })
  const server = await serverNode(t, { idleTimeout: 700 }, { archive: slow })
  const request = sealRequest()
  const { requester } = await rawRequester(t, server)
  requester.request(request)
  assert.equal((await requester.answer()).envelopes.length, 1)
})

test('a reader that stops reading is given up, and others are served meanwhile', async t => {
  const server = await serverNode(t, { idleTimeout: 500 })
  await server.archive.append(
    Array.from({ length: 6 }, (_, i) => newEnvelope({ data: new Uint8Array(1_000_000).fill(i) }))
  )
  const { requester, connection } = await rawRequester(t, server)
  requester.stream.pause()
  for (let i = 0; i < 40; i++) requester.request(sealRequest())
  const other = await rawRequester(t, server)
  other.requester.request(sealRequest())
  assert.equal((await other.requester.answer()).envelopes.length, 1)
  await until(() => server.server.tally.get('requesters_gone') === 1)
  const fresh = await RawRequester.open(connection)
  fresh.request(sealRequest())
  assert.equal((await fresh.answer()).envelopes.length, 1)
})

test('a requester that resets its stream is forgotten', async t => {
  const server = await serverNode(t)
  const { connection } = await rawRequester(t, server)
  for (let i = 0; i < 50; i++) {
    const requester = await RawRequester.open(connection)
    requester.request(sealRequest())
    requester.stream.abort(new Error('changed my mind'))
  }
  const last = await RawRequester.open(connection)
  last.request(sealRequest())
  assert.equal((await last.answer()).complete.error, undefined)
})

test('streams are bounded for a peer over all of its connections, and for an address', async t => {
  const server = await serverNode(t, { streamsPerPeer: 3, streamsPerHost: 5 })
  const usable = async (requester: RawRequester): Promise<boolean> => {
    try {
      requester.request(sealRequest())
      return (await requester.answer()).complete.error === undefined
    } catch {
      return false
    }
  }
  const first = await rawRequester(t, server)
  const second = await first.libp2p.dial(server.libp2p.getMultiaddrs(), { force: true })
  const opened = [first.requester]
  for (const connection of [first.connection, second, first.connection, second]) {
    opened.push(await RawRequester.open(connection))
  }
  const results: boolean[] = []
  for (const requester of opened) results.push(await usable(requester))
  assert.deepEqual(results, [true, true, true, false, false])

  const neighbour = await rawRequester(t, server)
  assert.equal(await usable(neighbour.requester), true)
  const another = await rawRequester(t, server)
  assert.equal(await usable(another.requester), true)
  const tooMany = await rawRequester(t, server)
  assert.equal(await usable(tooMany.requester), false)
  await neighbour.requester.stream.close()
  await ending(neighbour.requester.stream)
  assert.equal(await usable(await RawRequester.open(tooMany.connection)), true, 'a stream that ended makes room')
})

test('stopping answers what is under way, then ends the stream', async t => {
  const archive = await diskArchive(t)
  await archive.append([newEnvelope()])
  const [gate, reached] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const slow: Archive = archiveWith(archive, {
    query: {
      value: async function* (query: Parameters<Archive['query']>[0]) {
        reached.resolve()
        await gate.promise
        return yield* archive.query(query)
      }
    }
  })
  const server = await serverNode(t, {}, { archive: slow })
  const { requester, connection } = await rawRequester(t, server)
  requester.request(sealRequest())
  await reached.promise
  const stopping = Promise.all([server.server.beforeStop(), server.protocol.beforeStop()])
  gate.resolve()
  assert.equal((await requester.answer()).envelopes.length, 1)
  assert.equal(await requester.next(), undefined)
  await requester.stream.close()
  await stopping
  await assert.rejects(RawRequester.open(connection))
})
