import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once, setMaxListeners } from 'node:events'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { MAX_BODY } from '../../src/devp2p/capability-stream.js'
import { DisconnectReason } from '../../src/devp2p/disconnect.js'
import { StalledError } from '../../src/devp2p/errors.js'
import { createAuth } from '../../src/devp2p/handshake.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import { Inflation } from '../../src/devp2p/snappy.js'
import { concatBytes, fromHex } from '../../src/wire/bytes.js'
import { SHH_6, startHost, startPair, type TestHost, WAKU_1 } from './hosts.js'
import { closed, openSocket, RawPeer } from './raw-peer.js'

const STATUS = Uint8Array.of(0xc0)
const BREACH = DisconnectReason.BreachOfProtocol

/** After whatever happened, someone else is served. */
async function serves(target: TestHost): Promise<void> {
  const peer = await RawPeer.greet(target)
  peer.sendCompressed(0x02, STATUS)
  assert.equal((await peer.next())?.id, 0x03)
  peer.socket.destroy()
}

test('a wrong MAC ends the connection before anything is decrypted [P2P-07]', async context => {
  const target = await startHost(context)
  for (const at of [0, 20, 33, -1]) {
    const peer = await RawPeer.greet(target)
    const connection = await target.connection()
    const bytes = peer.sealed(0x10, concatBytes(fromHex('0100'), STATUS))
    const flipped = at < 0 ? bytes.length + at : at
    bytes[flipped] = (bytes[flipped] as number) ^ 1
    peer.socket.write(bytes)
    assert.equal(await peer.reason({ compressed: true }), BREACH)
    assert.equal((await connection.closed).name, 'FrameError')
    await assert.rejects(async () => {
      for await (const _ of connection.streams[0]?.messages ?? []) assert.fail('nothing may be delivered')
    }, /MAC/)
  }
  await serves(target)
})

test('frames of a session mean nothing in another one', async context => {
  const target = await startHost(context)
  const key = new NodeKey()
  const first = await RawPeer.greet(target, {}, key)
  const old = first.sealed(0x10, STATUS)
  first.socket.destroy()
  const second = await RawPeer.greet(target)
  second.socket.write(old)
  assert.equal(await second.reason({ compressed: true }), BREACH)
})

test('a replayed handshake leads nowhere, and is opened once', async context => {
  const target = await startHost(context)
  const key = new NodeKey()
  const auth = createAuth(key, target.host.key.id)
  const socket = await openSocket(target)
  socket.write(auth.packet)
  await once(socket, 'data')
  // Without the answer's secrets, any frame is a guess.
  socket.write(randomBytes(64))
  await closed(socket)
  for (let i = 0; i < 3; i++) {
    const again = await openSocket(target)
    again.on('data', () => assert.fail('it is not opened again, nor answered'))
    again.write(auth.packet)
    await closed(again)
  }
  assert.equal(target.host.counters.failed, 4)
  assert.equal(target.host.connections.length, 0)
  await serves(target)
})

test('truncated, altered and meaningless handshakes are dropped, and the next peer is served', async context => {
  const target = await startHost(context)
  const auth = createAuth(new NodeKey(), target.host.key.id).packet
  const altered = auth.slice()
  altered[200] = (altered[200] as number) ^ 1
  const legacyLike = concatBytes(Uint8Array.of(0x04), randomBytes(1300))
  for (const [bytes, ends] of [
    [auth.subarray(0, 1), true],
    [auth.subarray(0, 300), true],
    [altered, false],
    [randomBytes(2000), true],
    [legacyLike, false],
    [new Uint8Array(5000), false],
    [new Uint8Array(5000).fill(0xff), false],
    [new TextEncoder().encode('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), true]
  ] as const) {
    const socket = await openSocket(target)
    if (ends) socket.end(bytes)
    else socket.write(bytes)
    await closed(socket)
  }
  assert.equal(target.host.counters.failed, 8)
  await serves(target)
})

test('a peer that sends its handshake byte by byte is given up at the deadline', async context => {
  const target = await startHost(context, { handshakeTimeout: 600 })
  const auth = createAuth(new NodeKey(), target.host.key.id).packet
  const socket = await openSocket(target)
  const began = performance.now()
  let sent = 0
  const timer = setInterval(() => socket.write(auth.subarray(sent, ++sent)), 5)
  context.after(() => clearInterval(timer))
  await closed(socket)
  clearInterval(timer)
  assert.ok(sent < auth.length, 'closed before the packet was complete')
  assert.ok(performance.now() - began < 2400)
  // The same after the handshake: no Hello, no connection.
  const silent = await RawPeer.dial(target)
  assert.equal((await silent.next())?.id, 0)
  assert.equal(await silent.reason(), DisconnectReason.Requested)
})

test('the size of a frame is judged by its header, before its body is waited for', async context => {
  const target = await startHost(context)
  const early = await RawPeer.dial(target)
  // Only the header leaves: 32 bytes.
  early.socket.write(early.sealed(0x00, new Uint8Array(3000)).subarray(0, 32))
  assert.equal(await early.reason(), BREACH)

  const late = await RawPeer.greet(target)
  late.socket.write(late.sealed(0x10, new Uint8Array(300_000)).subarray(0, 32))
  assert.equal(await late.reason({ compressed: true }), BREACH)
  await serves(target)
})

test('a block that declares more than is allowed is never inflated [P2P-05]', async context => {
  const target = await startHost(context)
  for (const [limit, block] of [
    [MAX_BODY, fromHex('81808008')], // 16 MiB + 1
    [MAX_BODY, fromHex('ffffffff0f')],
    [MAX_BODY, fromHex('80808008fe0100')], // 16 MiB out of 7 bytes
    [1000, concatBytes(fromHex('e907'), new Uint8Array(900))],
    [1000, fromHex('10fcfaffffff000000')], // a literal of 2^32-5 bytes
    [1000, fromHex('0afe01000000')],
    [1000, fromHex('05')],
    [1000, fromHex('ffffffffff')],
    [1000, fromHex('')]
  ] as const) {
    const peer = await RawPeer.greet(target)
    const connection = await target.connection()
    const stream = connection.streams[0]
    assert.ok(stream)
    stream.maxBody = limit
    const before = process.memoryUsage().arrayBuffers
    peer.send(0x11, block)
    assert.equal(await peer.reason({ compressed: true }), BREACH)
    assert.match((await connection.closed).name, /^(Snappy|Frame)Error$/)
    assert.ok(process.memoryUsage().arrayBuffers - before < 8_000_000)
  }
  await serves(target)
})

test('anything but Hello or Disconnect first, and ids of no capability, are a breach [P2P-03] [P2P-06]', async context => {
  const target = await startHost(context)
  for (const id of [0x02, 0x03, 0x10, 0x11, 0x90]) {
    const peer = await RawPeer.dial(target)
    peer.send(id, STATUS)
    assert.equal(await peer.reason(), BREACH, `id ${id} before Hello`)
  }
  assert.equal(target.host.connections.length, 0)
  for (const id of [0x90, 0x91, 0x100, 0xffff]) {
    const peer = await RawPeer.greet(target)
    peer.sendCompressed(id, STATUS)
    assert.equal(await peer.reason({ compressed: true }), BREACH, `id ${id}`)
  }
  for (const message of ['', '00c0', '8100', 'c0', '8301000000c0', 'f9']) {
    const peer = await RawPeer.greet(target)
    // As the whole message: an id that is none.
    const bytes = fromHex(message)
    peer.socket.write(message === '' ? peer.sealed(0x90, bytes) : peer.sealedMessage(bytes))
    assert.equal(await peer.reason({ compressed: true }), BREACH, `message ${message}`)
  }
  await serves(target)
})

test('a second Hello and unused ids of the p2p capability are ignored', async context => {
  const target = await startHost(context)
  const peer = await RawPeer.greet(target)
  peer.hello({ capabilities: [] })
  for (let id = 0x03; id < 0x10; id++) peer.sendCompressed(id, randomBytes(5))
  peer.sendCompressed(0x02, STATUS)
  assert.equal((await peer.next())?.id, 0x03)
  assert.equal(target.host.connections.length, 1)
})

test('a peer that does not read is left after the write deadline, with little queued for it', async context => {
  const target = await startHost(context, { writeTimeout: 300 })
  const peer = await RawPeer.greet(target)
  const connection = await target.connection()
  peer.socket.pause()
  const stream = connection.streams[0]
  assert.ok(stream)
  const body = randomBytes(50_000)
  let sent = 0
  await assert.rejects(async () => {
    for (;;) {
      await stream.send(1, body)
      sent += body.length
    }
  }, StalledError)
  assert.ok((await connection.closed) instanceof StalledError)
  // What left lies in the buffers of the two sockets.
  assert.ok(sent < 16_000_000, `${sent}`)
  await serves(target)
})

test('sends that wait can be given up, and their number is bounded', async context => {
  const target = await startHost(context)
  const peer = await RawPeer.greet(target)
  const connection = await target.connection()
  peer.socket.pause()
  const stream = connection.streams[0]
  assert.ok(stream)
  const body = randomBytes(60_000)
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  const outcomes: Promise<unknown>[] = []
  for (let i = 0; i < 1500; i++) {
    outcomes.push(stream.send(1, body, { signal: controller.signal }).catch(error => error.name))
  }
  controller.abort()
  const names = new Set(await Promise.all(outcomes))
  assert.deepEqual([...names].sort(), ['AbortError', 'BusyConnectionError', undefined].sort())
  await assert.rejects(stream.send(1, body, { signal: AbortSignal.abort() }), { name: 'AbortError' })
})

test('a peer that pings without reading is owed one Pong', async context => {
  const target = await startHost(context)
  const peer = await RawPeer.greet(target)
  const connection = await target.connection()
  const before = process.memoryUsage().arrayBuffers
  peer.socket.pause()
  const ping = concatBytes(fromHex('0100'), STATUS)
  for (let i = 0; i < 40; i++) {
    const pings = concatBytes(...Array.from({ length: 500 }, () => peer.sealed(0x02, ping)))
    if (!peer.socket.write(pings)) await once(peer.socket, 'drain')
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 40_000_000)
  assert.equal(connection.signal.aborted, false)
  peer.socket.resume()
  assert.equal((await peer.next())?.id, 0x03)
})

test('when nobody takes what arrives, the peer is slowed down and nothing is lost', async context => {
  const { out, in: inbound } = await startPair(context)
  const sender = out.stream('waku')
  const receiver = inbound.stream('waku')
  assert.ok(sender && receiver)
  receiver.maxBody = 1 << 20
  const body = randomBytes(100_000)
  let sent = 0
  let stalled = () => {}
  const still = new Promise<void>(resolve => {
    stalled = resolve
  })
  const total = 400
  let timer = setTimeout(stalled, 500)
  const sending = (async () => {
    for (let i = 0; i < total; i++) {
      await sender.send(i % 128, body)
      sent++
      clearTimeout(timer)
      timer = setTimeout(stalled, 500)
    }
  })()
  await still
  assert.ok(sent > 10 && sent < 200, `${sent} of ${total} left before the sender was held up`)
  let received = 0
  for await (const message of receiver.messages) {
    assert.equal(message.code, received % 128)
    if (++received === total) break
  }
  await sending
})

test('a silent peer is left after the read deadline; one that only answers pings is kept', async context => {
  const target = await startHost(context, { readTimeout: 200 })
  const silent = await RawPeer.greet(target)
  assert.equal(await silent.reason({ compressed: true }), DisconnectReason.PingTimeout)

  const pinging = await startHost(context, { readTimeout: 200, pingInterval: 40 })
  const answering = await RawPeer.greet(pinging)
  const connection = await pinging.connection()
  const until = performance.now() + 600
  while (performance.now() < until) {
    assert.equal((await answering.next())?.id, 0x02)
    answering.sendCompressed(0x03, STATUS)
  }
  assert.equal(connection.signal.aborted, false)
})

test('a frame that trickles in does not count as life', async context => {
  const target = await startHost(context, { readTimeout: 200 })
  const peer = await RawPeer.greet(target)
  const bytes = peer.sealed(0x10, new Uint8Array(100_000))
  let sent = 0
  const timer = setInterval(() => peer.socket.write(bytes.subarray(sent, ++sent)), 5)
  assert.equal(await peer.reason({ compressed: true }), DisconnectReason.PingTimeout)
  clearInterval(timer)
})

test('a large message right behind the first is taken when the reader of the first allows it', async context => {
  for (const allow of [true, false]) {
    // As noise it is a large frame, as zeros a small one.
    for (const large of [randomBytes(2_000_000), new Uint8Array(2_000_000)]) {
      const target = await startHost(context, { capabilities: [SHH_6, WAKU_1] })
      const peer = await RawPeer.greet(target, { capabilities: [SHH_6, WAKU_1] })
      const [shh, waku] = (await target.connection()).streams
      assert.ok(shh && waku)
      peer.sendCompressed(0x10, STATUS)
      const compressed = createRequire(import.meta.url)('snappyjs').compress(large)
      peer.send(0x11, compressed)
      peer.sendCompressed(0x90, STATUS)
      const sizes: number[] = []
      const reading = (async () => {
        for await (const { body } of shh.messages) {
          sizes.push(body.length)
          if (allow) shh.maxBody = MAX_BODY
          if (sizes.length === 2) break
        }
      })()
      if (allow) await reading
      else await assert.rejects(reading, { name: 'FrameError' })
      assert.deepEqual(sizes, allow ? [1, 2_000_000] : [1])
      if (!allow) continue
      for await (const { code } of waku.messages) {
        assert.equal(code, 0)
        break
      }
    }
  }
})

test('the first message of one capability does not wait for the reader of another', async context => {
  const target = await startHost(context, { capabilities: [SHH_6, WAKU_1] })
  const peer = await RawPeer.greet(target, { capabilities: [SHH_6, WAKU_1] })
  const [shh, waku] = (await target.connection()).streams
  peer.sendCompressed(0x90, STATUS)
  peer.sendCompressed(0x10, STATUS)
  for (const stream of [shh, waku]) {
    for await (const { code } of stream?.messages ?? []) {
      assert.equal(code, 0)
      break
    }
  }
})

test('peers that begin huge messages and never end them share a bounded memory, and small ones pass', async context => {
  const target = await startHost(context, { largeMessageMemory: 4_000_000, maxRatePerAddress: 1000 })
  const greet = async () => {
    const peer = await RawPeer.greet(target)
    const connection = await target.connection()
    const stream = connection.streams[0]
    assert.ok(stream)
    stream.maxBody = MAX_BODY
    return { peer, connection, messages: stream.messages[Symbol.asyncIterator]() }
  }
  const slow = await greet()
  const large = await greet()
  const small = await greet()
  slow.peer.socket.write(slow.peer.sealed(0x11, new Uint8Array(3_000_000)).subarray(0, 2_900_000))
  await serves(target)
  const body = randomBytes(3_000_000)
  let came = false
  const coming = large.messages.next().then(result => {
    came = true
    return result
  })
  large.peer.sendCompressed(0x11, body)
  // A small frame that inflates is a large message too.
  const zeros = createRequire(import.meta.url)('snappyjs').compress(new Uint8Array(3_500_000))
  small.peer.send(0x11, zeros)
  for (let i = 0; i < 20; i++) await serves(target)
  assert.equal(came, false)
  slow.peer.socket.destroy()
  assert.equal((await coming).value.body.length, 3_000_000)
  let inflated = false
  const inflating = small.messages.next().then(result => {
    inflated = true
    return result
  })
  for (let i = 0; i < 20; i++) await serves(target)
  assert.equal(inflated, false)
  // The one that was taken pays back when its reader comes for more, or goes.
  await large.messages.return?.(undefined)
  assert.equal((await inflating).value.body.length, 3_500_000)
})

test('a small frame that inflates to 16 MiB does so in pieces: others are served meanwhile', async context => {
  const pieces: number[] = []
  const { more } = Inflation.prototype
  context.after(() => {
    Inflation.prototype.more = more
  })
  Inflation.prototype.more = function (bytes) {
    pieces.push(bytes)
    return more.call(this, bytes)
  }
  const target = await startHost(context)
  const peer = await RawPeer.greet(target)
  const [stream] = (await target.connection()).streams
  assert.ok(stream)
  stream.maxBody = MAX_BODY
  const zeros = createRequire(import.meta.url)('snappyjs').compress(new Uint8Array(MAX_BODY))
  peer.send(0x11, zeros)
  for await (const { body } of stream.messages) {
    assert.equal(body.length, MAX_BODY)
    break
  }
  assert.ok(pieces.length > 200 && pieces.every(bytes => bytes <= 64 * 1024), `${pieces.length} pieces`)
  await serves(target)
})

test('noise under valid MACs ends its own connection at most', async context => {
  const target = await startHost(context)
  for (let round = 0; round < 25; round++) {
    const peer = await RawPeer.greet(target)
    const connection = await target.connection()
    const reading = (async () => {
      for await (const { code, body } of connection.streams[0]?.messages ?? []) {
        assert.ok(code < 128 && body.length <= 128 * 1024)
      }
    })()
    for (let i = 0; i < 40; i++) {
      const noise = randomBytes(1 + Math.floor(Math.random() * 80))
      if (round % 2 === 0) peer.socket.write(peer.sealedMessage(noise))
      else peer.send(Math.floor(Math.random() * 0x90), noise)
    }
    peer.socket.end()
    await reading.catch(() => {})
    await connection.closed
  }
  await serves(target)
})
