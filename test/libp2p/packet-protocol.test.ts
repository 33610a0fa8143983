import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Libp2p, PrivateKey, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { createKeccak } from 'hash-wasm'
import { StreamPacketChannel } from '../../src/libp2p/packet-channel.js'
import { PACKETS_PROTOCOL } from '../../src/libp2p/packet-protocol.js'
import { Limits } from '../../src/limits/limits.js'
import { compareBytes, fromHex } from '../../src/wire/bytes.js'
import { useKeccak } from '../../src/wire/keccak.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { EMPTY_LIST, encodeList, encodeUint } from '../../src/wire/rlp.js'
import { writeAtOnce } from '../helpers/at-once.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { libp2pNode } from '../helpers/libp2p-node.js'
import { ScriptedPeer } from '../helpers/scripted-peer.js'
import { join, type TestNode, until, wakuNode } from '../helpers/waku-node.js'

// what is tested here is streams, not the portable hash
const hasher = await createKeccak(256)
useKeccak(bytes => hasher.init().update(bytes).digest('binary'))

const open = { pow: 0 }

/** Two keys, the one with the smaller peer id first. */
async function twoKeys(): Promise<[PrivateKey, PrivateKey]> {
  const keys = await Promise.all([generateKeyPair('secp256k1'), generateKeyPair('Ed25519')])
  const bytes = (key: PrivateKey): Uint8Array => peerIdFromPrivateKey(key).toMultihash().bytes
  return compareBytes(bytes(keys[0]), bytes(keys[1])) < 0 ? [keys[0], keys[1]] : [keys[1], keys[0]]
}

function streamsOf(node: Libp2p): Stream[] {
  return node.getConnections().flatMap(({ streams }) => streams.filter(({ protocol }) => protocol === PACKETS_PROTOCOL))
}

async function scripted(connection: Connection): Promise<ScriptedPeer> {
  const stream = await connection.newStream(PACKETS_PROTOCOL)
  return new ScriptedPeer(new StreamPacketChannel(stream, { connection, limits: new Limits() }), connection.remotePeer)
}

async function nodes(t: { after: (done: () => Promise<void>) => void }, count: number): Promise<TestNode[]> {
  const started = await Promise.all(Array.from({ length: count }, () => wakuNode(open)))
  t.after(async () => {
    await Promise.all(started.map(node => node.stop()))
  })
  return started
}

test('an envelope travels over three nodes and is confirmed by the next [WAKU-02] [WAKU-04]', async t => {
  const [a, b, c] = (await nodes(t, 3)) as [TestNode, TestNode, TestNode]
  await join(a, b)
  await join(b, c)
  const heard = new Promise<string>(resolve =>
    c.waku.subscribe({}, ({ payload }) => resolve(Buffer.from(payload ?? []).toString()))
  )
  const key = new Uint8Array(32).fill(1)
  const opened = new Promise<string>(resolve =>
    c.waku.subscribe({ key }, ({ payload }) => resolve(Buffer.from(payload as Uint8Array).toString()))
  )
  const result = await a.waku.post({ topic: fromHex('01020304'), key, payload: Buffer.from('over two hops') })
  assert.deepEqual(result.confirmed.map(String), [b.libp2p.peerId.toString()])
  assert.equal(await opened, 'over two hops')
  assert.equal(await heard, '')
  assert.equal(streamsOf(b.libp2p).length, 2)
})

test('the dialler opens one stream, the other side none', async t => {
  const [a, b] = (await nodes(t, 2)) as [TestNode, TestNode]
  await join(a, b)
  assert.deepEqual(
    streamsOf(a.libp2p).map(({ direction }) => direction),
    ['outbound']
  )
  assert.deepEqual(
    streamsOf(b.libp2p).map(({ direction }) => direction),
    ['inbound']
  )
})

test('a peer without identify dials in and opens the stream itself', async t => {
  const [node] = (await nodes(t, 1)) as [TestNode]
  const plain = await libp2pNode({ withoutIdentify: true })
  t.after(() => plain.stop() as Promise<void>)
  const peer = await scripted(await plain.dial(node.libp2p.getMultiaddrs()))
  await peer.shakeHands({})
  assert.deepEqual(await peer.confirm(newEnvelope()), [])
})

test('connect opens a stream with a peer that is only connected, or only known by its address', async t => {
  const [a] = (await nodes(t, 1)) as [TestNode]
  const b = await wakuNode(open, { withoutIdentify: true })
  t.after(() => b.stop())
  await assert.rejects(a.waku.connect(b.libp2p.peerId))
  await a.libp2p.peerStore.merge(b.libp2p.peerId, { multiaddrs: b.libp2p.getMultiaddrs() })
  await a.waku.connect(b.libp2p.peerId)
  await a.waku.connect(b.libp2p.peerId)
  assert.equal(a.waku.peers().length, 1)
  assert.equal(streamsOf(a.libp2p).length, 1)
})

test('connect says why when the other side is no waku node or fails the handshake', async t => {
  const [a] = (await nodes(t, 1)) as [TestNode]
  const stranger = await libp2pNode()
  t.after(() => stranger.stop() as Promise<void>)
  await a.libp2p.dial(stranger.getMultiaddrs())
  await assert.rejects(a.waku.connect(stranger.peerId), { name: 'UnsupportedProtocolError' })
  await stranger.handle(PACKETS_PROTOCOL, stream => {
    stream.send(fromHex('03c201c0'))
  })
  await assert.rejects(a.waku.connect(stranger.peerId), { name: 'HandshakeError' })
})

test('a second stream of the same opener replaces the first once it is ready', async t => {
  const [node] = (await nodes(t, 1)) as [TestNode]
  const plain = await libp2pNode()
  t.after(() => plain.stop() as Promise<void>)
  const connection = await plain.dial(node.libp2p.getMultiaddrs())
  const first = await scripted(connection)
  await first.shakeHands({})
  const second = await scripted(connection)
  await second.next(PacketCode.Status)
  assert.deepEqual(await first.confirm(newEnvelope()), [], 'the second one is not ready yet')
  await second.send(PacketCode.Status, fromHex('c0'))
  assert.equal(await first.end(), 'end')
  assert.deepEqual(await second.confirm(newEnvelope()), [])
  assert.equal(node.waku.peers().length, 1)
  // one that fails its handshake leaves the current one in place
  const third = await scripted(connection)
  await third.send(PacketCode.Messages, fromHex('c0'))
  assert.notEqual(await third.end(), 'end')
  assert.deepEqual(await second.confirm(newEnvelope()), [])
})

for (const smaller of ['we', 'they'] as const) {
  test(`of two streams the one opened by the smaller peer id stays (${smaller} have it)`, async t => {
    const [small, large] = await twoKeys()
    const node = await wakuNode(open, { privateKey: smaller === 'we' ? small : large })
    t.after(() => node.stop())
    const plain = await libp2pNode({ privateKey: smaller === 'we' ? large : small })
    t.after(() => plain.stop() as Promise<void>)
    let answered!: (peer: ScriptedPeer) => void
    const inbound = new Promise<ScriptedPeer>(resolve => {
      answered = resolve
    })
    await plain.handle(PACKETS_PROTOCOL, (stream, connection) => {
      answered(
        new ScriptedPeer(new StreamPacketChannel(stream, { connection, limits: new Limits() }), connection.remotePeer)
      )
    })
    const connection = await node.libp2p.dial(plain.getMultiaddrs())
    const ours = await inbound
    await ours.shakeHands({})
    await until(() => node.waku.peers().length === 1)
    const theirs = await scripted((await plain.getConnections(node.libp2p.peerId))[0] as Connection)
    const [stays, goes] = smaller === 'we' ? [ours, theirs] : [theirs, ours]
    await theirs.shakeHands({})
    assert.equal(await goes.end(), 'end')
    await goes.channel.close()
    assert.deepEqual(await stays.confirm(newEnvelope()), [])
    assert.equal(node.waku.peers().length, 1)
    await until(() => connection.streams.filter(({ protocol }) => protocol === PACKETS_PROTOCOL).length === 1)
  })
}

test('two nodes that dial each other at once settle on one stream and lose nothing', async t => {
  for (let round = 0; round < 3; round++) {
    const [a, b] = (await nodes(t, 2)) as [TestNode, TestNode]
    const heard: string[][] = [[], []]
    a.waku.subscribe({}, ({ envelope }) => heard[0]?.push(envelope.hashHex))
    b.waku.subscribe({}, ({ envelope }) => heard[1]?.push(envelope.hashHex))
    const before = [newEnvelope(), newEnvelope()]
    await a.waku.post({ envelope: before[0] as never })
    await b.waku.post({ envelope: before[1] as never })
    await Promise.all([a.libp2p.dial(b.libp2p.getMultiaddrs()), b.libp2p.dial(a.libp2p.getMultiaddrs())])
    await Promise.all([a.waku.connect(b.libp2p.peerId), b.waku.connect(a.libp2p.peerId)])
    const during = Array.from({ length: 50 }, () => newEnvelope())
    const results = await Promise.all(during.map((envelope, i) => (i % 2 ? a : b).waku.post({ envelope })))
    assert.equal(results.filter(({ confirmed }) => confirmed.length === 1).length, 50)
    await until(() => heard.every(hashes => hashes.length === 52))
    await until(() => streamsOf(a.libp2p).length === 1 && streamsOf(b.libp2p).length === 1)
    assert.equal(a.waku.peers().length, 1)
  }
})

test('when the stream ends while the connection remains, the dialler opens another', async t => {
  const [a, b] = (await nodes(t, 2)) as [TestNode, TestNode]
  await join(a, b)
  const [first] = streamsOf(a.libp2p)
  streamsOf(b.libp2p)[0]?.abort(new Error('test'))
  await until(() => a.waku.peers().length === 0)
  await until(() => a.waku.peers().length === 1)
  assert.notEqual(streamsOf(a.libp2p)[0]?.id, first?.id)
  assert.deepEqual(
    streamsOf(a.libp2p).map(({ direction }) => direction),
    ['outbound']
  )
  const { confirmed } = await a.waku.post({ envelope: newEnvelope() })
  assert.equal(confirmed.length, 1)
})

test('silence does not end a packets stream', async t => {
  const [node] = (await nodes(t, 1)) as [TestNode]
  const plain = await libp2pNode()
  t.after(() => plain.stop() as Promise<void>)
  const peer = await scripted(await plain.dial(node.libp2p.getMultiaddrs()))
  await peer.shakeHands({})
  await new Promise(resolve => setTimeout(resolve, 1500))
  assert.deepEqual(await peer.confirm(newEnvelope()), [])
})

test('a flood both ways does not lock two nodes up that also have to answer each other', async t => {
  const [a, b] = (await nodes(t, 2)) as [TestNode, TestNode]
  let serial = 0
  const large = (): Uint8Array => {
    const data = new Uint8Array(20_000)
    new DataView(data.buffer).setUint32(0, ++serial)
    return data
  }
  for (let i = 0; i < 500; i++) {
    await a.waku.post({ envelope: newEnvelope({ data: large() }) })
    await b.waku.post({ envelope: newEnvelope({ data: large() }) })
  }
  await join(a, b)
  for (const node of [a, b]) {
    await until(() => node.waku.counters.get('envelopes_accepted') === 500, 20_000)
    await until(() => node.waku.counters.get('confirmations_received') > 50)
  }
})

test('a peer that stops reading costs a bounded amount of memory, and the others nothing', async t => {
  const [node, reader] = (await nodes(t, 2)) as [TestNode, TestNode]
  const plain = await libp2pNode({ windowSize: 256 * 1024 })
  t.after(() => plain.stop() as Promise<void>)
  const stuck = await plain.dial(node.libp2p.getMultiaddrs())
  const stream = await stuck.newStream(PACKETS_PROTOCOL)
  stream.pause()
  stream.send(fromHex('03c280c0'))
  await until(() => node.waku.peers().length === 1)
  await join(reader, node)
  const total = 40
  for (let i = 0; i < total; i++) {
    await node.waku.post({ envelope: newEnvelope({ data: new Uint8Array(500_000).fill(i) }) }, { timeout: 1 })
  }
  await until(() => reader.waku.counters.get('envelopes_accepted') === total, 20_000)
  const [held] = streamsOf(node.libp2p).filter(({ writeBufferLength }) => writeBufferLength > 0)
  assert.ok((held as Stream).writeBufferLength < 1024 * 1024, `${held?.writeBufferLength} bytes wait`)
})

test('stopping confirms what was accepted, and ends the streams cleanly', async () => {
  const [a, b] = await Promise.all([wakuNode(open), wakuNode(open)])
  const stored: string[] = []
  b.waku.setStore({
    append: async envelopes => {
      await new Promise(resolve => setTimeout(resolve, 200))
      stored.push(...envelopes.map(({ hashHex }) => hashHex))
      return envelopes.map(() => 'stored')
    }
  })
  await join(a, b)
  const posting = Array.from({ length: 5 }, () => a.waku.post({ envelope: newEnvelope() }))
  await until(() => b.waku.counters.get('envelopes_accepted') === 5)
  const started = Date.now()
  await b.stop()
  assert.ok(Date.now() - started < 3_000)
  const results = await Promise.all(posting)
  assert.equal(results.filter(({ confirmed }) => confirmed.length === 1).length, 5)
  assert.equal(stored.length, 5)
  await a.stop()
})

test('a node can be stopped and started again', async t => {
  const [a, b] = (await nodes(t, 2)) as [TestNode, TestNode]
  await join(a, b)
  await b.libp2p.stop()
  await until(() => a.libp2p.getConnections().length === 0)
  await b.libp2p.start()
  await join(a, b)
  assert.equal((await a.waku.post({ envelope: newEnvelope() })).confirmed.length, 1)
})

test('a peer that sends garbage is read on later, another one of the same address at once', async t => {
  const [node] = (await nodes(t, 1)) as [TestNode]
  const meet = async (): Promise<[ScriptedPeer, Connection, string]> => {
    const plain = await libp2pNode()
    t.after(() => plain.stop() as Promise<void>)
    const connection = await plain.dial(node.libp2p.getMultiaddrs())
    const peer = await scripted(connection)
    await peer.shakeHands({ bloom: new Uint8Array(64) })
    return [peer, connection, plain.peerId.toString()]
  }
  const [[noisy, connection, noisyPeer], [honest]] = [await meet(), await meet()]
  const { throttle } = node.waku.limits
  const origin = { peer: noisyPeer, address: '127.0.0.1' }
  await noisy.confirm(...Array.from({ length: 1000 }, (_, i) => encodeList([encodeUint(i)])))
  assert.ok(throttle.ofPeer(origin.peer) > 0)
  // 12 MiB more of garbage, at 2 MiB a second
  throttle.charge(origin, 12 * 1024 * 1024)
  let readOn = false
  const post = async (peer: ScriptedPeer): Promise<void> => {
    await peer.confirm(newEnvelope())
    readOn = true
  }
  post(noisy).catch(() => {})
  for (let i = 0; i < 3; i++) assert.deepEqual(await honest.confirm(newEnvelope()), [])
  assert.equal(readOn, false, 'it is still waiting')
  let metAgain = false
  const again = async (): Promise<void> => {
    const peer = await scripted(connection)
    await peer.shakeHands({ bloom: new Uint8Array(64) })
    metAgain = true
  }
  again().catch(() => {})
  for (let i = 0; i < 3; i++) assert.deepEqual(await honest.confirm(newEnvelope()), [])
  assert.equal(metAgain, false, 'nothing of its connection is read')
})

test('before Status no frame may be large; behind it at once', async t => {
  const [node] = (await nodes(t, 1)) as [TestNode]
  const plain = await libp2pNode()
  t.after(() => plain.stop() as Promise<void>)
  const connection = await plain.dial(node.libp2p.getMultiaddrs())
  const early = await scripted(connection)
  early.send(PacketCode.Messages, new Uint8Array(200_000)).catch(() => {})
  assert.notEqual(await early.end(), 'end')
  const large = await scripted(connection)
  const envelopes = Array.from({ length: 1000 }, () => newEnvelope())
  const [status] = [large.send(PacketCode.Status, fromHex('c0')), large.sendEnvelopes(...envelopes)]
  await status
  await large.next(PacketCode.Status)
  await large.find(PacketCode.BatchAck)
  assert.equal(node.waku.counters.get('envelopes_accepted'), 1000)
})

/** Status and so many Messages of one new envelope each. */
function postOf(count: number): Uint8Array {
  const bodies = Array.from({ length: count }, () => encodeMessages([newEnvelope().raw]))
  return Buffer.concat([
    encodeFrame(PacketCode.Status, EMPTY_LIST),
    ...bodies.map(body => encodeFrame(PacketCode.Messages, body))
  ])
}

/** A node that takes its time to store, and a connection to it. */
async function slowStore(t: Parameters<typeof nodes>[0]) {
  const [node] = (await nodes(t, 1)) as [TestNode]
  const stored: string[] = []
  node.waku.setStore({
    append: async envelopes => {
      await new Promise(resolve => setTimeout(resolve, 10))
      stored.push(...envelopes.map(({ hashHex }) => hashHex))
      return envelopes.map(() => 'stored')
    }
  })
  const plain = await libp2pNode()
  t.after(() => plain.stop() as Promise<void>)
  return { node, stored, connection: await plain.dial(node.libp2p.getMultiaddrs()) }
}

const CONFIRMATION = [PacketCode.MessageResponse, PacketCode.BatchAck]

test('whoever posts and closes at once is confirmed, as often as it comes [WAKU-04]', async t => {
  const { stored, connection } = await slowStore(t)
  for (let round = 1; round <= 40; round++) {
    const { packets, status } = await writeAtOnce(connection, PACKETS_PROTOCOL, postOf(1))
    const own = packets.filter(({ code }) => code !== PacketCode.Messages)
    assert.deepEqual(
      own.map(({ code }) => code),
      [PacketCode.Status, ...CONFIRMATION]
    )
    assert.equal(status, 'closed')
    assert.equal(stored.length, round)
  }
  assert.equal(connection.status, 'open')
})

test('of streams that are closed at once each is confirmed in full, whichever replaced it', async t => {
  const { stored, connection } = await slowStore(t)
  const all = await Promise.all(Array.from({ length: 8 }, () => writeAtOnce(connection, PACKETS_PROTOCOL, postOf(20))))
  for (const { packets, status } of all) {
    const confirmations = packets.filter(({ code }) => CONFIRMATION.includes(code as never))
    assert.equal(confirmations.length, 40)
    assert.equal(status, 'closed')
  }
  assert.equal(stored.length, 160)
})

test('what came whole before a reset is stored', async t => {
  const { stored, connection } = await slowStore(t)
  const stream = await connection.newStream(PACKETS_PROTOCOL)
  stream.send(postOf(20))
  stream.abort(new Error('test'))
  await until(() => stored.length === 20)
})

test('a connection on which stream after stream comes to nothing is closed', async t => {
  const [node] = (await nodes(t, 1)) as [TestNode]
  const plain = await libp2pNode()
  t.after(() => plain.stop() as Promise<void>)
  const connection = await plain.dial(node.libp2p.getMultiaddrs())
  for (let i = 0; i < 31; i++) {
    const peer = await scripted(connection)
    peer.send(PacketCode.Messages, fromHex('c0')).catch(() => {})
    await peer.end()
  }
  assert.equal(connection.status, 'open')
  const last = await scripted(connection)
  last.send(PacketCode.Messages, fromHex('c0')).catch(() => {})
  await until(() => connection.status !== 'open')
})
