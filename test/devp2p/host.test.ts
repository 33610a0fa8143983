import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { MAX_BODY } from '../../src/devp2p/capability-stream.js'
import { limitOf } from '../../src/devp2p/capability-traits.js'
import { DisconnectReason } from '../../src/devp2p/disconnect.js'
import { formatEnode } from '../../src/devp2p/enode.js'
import { InboundGate } from '../../src/devp2p/inbound-gate.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import type { RlpxConnection } from '../../src/devp2p/rlpx-connection.js'
import { RlpxHost } from '../../src/devp2p/rlpx-host.js'
import { StaticPeers } from '../../src/devp2p/static-peers.js'
import { Limits } from '../../src/limits/limits.js'
import { MemoryBudget, type Reservation } from '../../src/limits/memory-budget.js'
import { concatBytes, toHex } from '../../src/wire/bytes.js'
import { until } from '../helpers/waku-node.js'
import { startHost, type TestHost, WAKU_1 } from './hosts.js'
import { closed, openSocket, RawPeer } from './raw-peer.js'

const STATUS = Uint8Array.of(0xc0)

/** A peer after both Hellos, and the host's side of it, where messages of any size are read one by one. */
async function meet(target: TestHost, from?: string) {
  const peer = await RawPeer.greet(target, {}, new NodeKey(), from)
  const connection = await target.connection()
  const stream = connection.stream('waku')
  assert.ok(stream)
  stream.maxBody = MAX_BODY
  const messages = stream.messages[Symbol.asyncIterator]()
  return { peer, connection, next: () => messages.next() }
}

test('peers beyond the limit are told "too many", welcome ones are let in', async context => {
  const friend = new NodeKey()
  const target = await startHost(context, {
    maxInbound: 2,
    welcome: peer => peer.toString() === friend.peerId.toString()
  })
  const first = await RawPeer.greet(target)
  await RawPeer.greet(target)
  const third = await RawPeer.dial(target)
  assert.equal(await third.reason(), DisconnectReason.TooManyPeers)
  assert.equal((await (await RawPeer.dial(target, friend)).next())?.id, 0)
  assert.equal(target.host.counters.refused, 1)
  first.socket.destroy()
  await (await target.connection()).closed
  assert.equal((await (await RawPeer.dial(target)).next())?.id, 0)
})

test('a flood of connections is cut off before a byte is read, and ends with it', async context => {
  const target = await startHost(context, { maxHandshakes: 4, handshakeTimeout: 300 })
  const sockets = await Promise.all(Array.from({ length: 20 }, () => openSocket(target)))
  await Promise.all(sockets.map(closed))
  assert.equal(target.host.counters.flooded, 16)
  assert.equal(target.host.counters.failed, 4)
  assert.equal((await (await RawPeer.dial(target)).next())?.id, 0)
})

test('one address that opens all it may and says nothing keeps nobody else out', async context => {
  const warnings: string[] = []
  const onWarning = ({ name }: Error): void => void warnings.push(name)
  process.on('warning', onWarning)
  context.after(() => process.off('warning', onWarning))
  const target = await startHost(context)
  await Promise.all(Array.from({ length: 40 }, () => openSocket(target, '127.0.0.2')))
  assert.equal((await (await RawPeer.dial(target)).next())?.id, 0)
  assert.equal(target.host.counters.flooded, 8)
  assert.deepEqual(warnings, [])
})

test('one address has so many connections and so many attempts a second, whatever the others do', () => {
  let now = 5000
  const gate = new InboundGate({ maxHandshakes: 6, maxPerAddress: 3, maxRatePerAddress: 4 }, undefined, () => now)
  const enter = (address: string) => gate.enter(address, () => {})
  const passes = [1, 2, 3].map(() => enter('10.0.0.1'))
  assert.ok(passes.every(pass => pass !== undefined))
  assert.equal(enter('10.0.0.1'), undefined, 'three at a time')
  assert.equal(enter('::ffff:10.0.0.1'), undefined, 'the same address')
  const other = enter('10.0.0.2')
  assert.ok(other)
  assert.ok(enter('10.0.0.2'))
  assert.ok(enter('10.0.0.3'))
  assert.equal(enter('10.0.0.2'), undefined, 'six handshakes at a time')
  other.agreed()
  other.agreed()
  assert.ok(enter('10.0.0.3'))
  assert.equal(enter('10.0.0.3'), undefined, 'agreeing twice frees one place')
  passes[0]?.closed()
  assert.ok(enter('10.0.0.1'))
  passes[1]?.closed()
  assert.equal(enter('10.0.0.1'), undefined, 'four a second')
  now += 1000
  assert.ok(enter('10.0.0.1'))
})

test('when all handshakes are taken, the address with most of them loses its oldest to one with fewer', () => {
  const dropped: string[] = []
  const gate = new InboundGate({ maxHandshakes: 5, maxPerAddress: 4, maxRatePerAddress: 9 }, undefined, () => 5000)
  const enter = (name: string) => gate.enter(name.slice(0, 8), () => dropped.push(name))
  for (const name of ['10.0.0.1 first', '10.0.0.2 first', '10.0.0.1 second', '10.0.0.1 third', '10.0.0.2 second']) {
    assert.ok(enter(name))
  }
  assert.equal(enter('10.0.0.1 fourth'), undefined, 'it has most itself')
  assert.equal(enter('10.0.0.2 third'), undefined, 'it would have most itself')
  assert.ok(enter('10.0.0.3'))
  assert.deepEqual(dropped, ['10.0.0.1 first'])
  assert.ok(enter('10.0.0.4'))
  assert.deepEqual(dropped, ['10.0.0.1 first', '10.0.0.2 first'])
  assert.ok(enter('10.0.0.5'))
  assert.equal(enter('10.0.0.6'), undefined, 'one each')
  assert.deepEqual(dropped.slice(2), ['10.0.0.1 second'])
})

test('handshakes that are never finished, from few addresses, keep no other address out', async context => {
  const target = await startHost(context, { maxHandshakes: 8 })
  const silent: Promise<unknown>[] = []
  for (const from of ['127.0.0.2', '127.0.0.3']) {
    for (let i = 0; i < 4; i++) silent.push(closed(await openSocket(target, from)))
  }
  assert.equal((await (await RawPeer.dial(target, new NodeKey(), '127.0.0.4')).next())?.id, 0)
  await Promise.race(silent)
  assert.equal(target.host.counters.flooded, 0)
})

test('idle peers of few addresses give way to a peer of another, whoever brought nothing for longest first', async context => {
  const friend = new NodeKey()
  const target = await startHost(context, {
    maxInbound: 4,
    welcome: peer => peer.toString() === friend.peerId.toString()
  })
  await RawPeer.greet(target, {}, friend, '127.0.0.2')
  await RawPeer.greet(target, {}, new NodeKey(), '127.0.0.2')
  const earlyConnection = await target.connection().then(() => target.connection())
  const late = await RawPeer.greet(target, {}, new NodeKey(), '127.0.0.2')
  const lateConnection = await target.connection()
  await RawPeer.greet(target, {}, new NodeKey(), '127.0.0.3')
  const other = await target.connection()
  // so that the clock tells them apart
  while (Date.now() <= lateConnection.opened) await new Promise(resolve => setImmediate(resolve))
  earlyConnection.judged({ accepted: 1, charge: 0 })
  for (let i = 0; i < 3; i++) {
    late.sendCompressed(0x10, STATUS)
    await lateConnection.stream('waku')?.messages[Symbol.asyncIterator]().next()
  }
  assert.ok(earlyConnection.active > lateConnection.active, 'chatter does not count')

  const crowd = await RawPeer.dial(target, new NodeKey(), '127.0.0.2')
  assert.equal(await crowd.reason(), DisconnectReason.TooManyPeers, 'it is of the most crowded address itself')
  assert.equal((await (await RawPeer.dial(target, new NodeKey(), '127.0.0.3')).next())?.id, 1, 'it would be')
  const fresh = await RawPeer.greet(target, {}, new NodeKey(), '127.0.0.4')
  assert.equal(await late.reason({ compressed: true }), DisconnectReason.TooManyPeers)
  const inbound = await target.connection()
  assert.equal(toHex(inbound.id), toHex(fresh.key.id))
  assert.deepEqual(
    [earlyConnection, lateConnection, other].map(({ signal }) => signal.aborted),
    [false, true, false]
  )
})

test('a node does not talk to itself, and not twice to the same peer', async context => {
  const target = await startHost(context)
  await assert.rejects(target.host.dial(target.enode), { name: 'DialError' })
  const mirror = await RawPeer.dial(target, target.host.key)
  assert.equal(await mirror.reason(), DisconnectReason.Self)

  const key = new NodeKey()
  await RawPeer.greet(target, {}, key)
  const first = await target.connection()
  const again = await RawPeer.greet(target, {}, key)
  assert.equal(await again.reason({ compressed: true }), DisconnectReason.AlreadyConnected)
  assert.equal(first.signal.aborted, false)
  assert.deepEqual(target.host.connections, [first])
})

test('two nodes that dial each other at once end up with one connection, the same on both sides', async context => {
  for (let round = 0; round < 6; round++) {
    const a = await startHost(context)
    const b = await startHost(context)
    await Promise.allSettled([a.host.dial(b.enode), b.host.dial(a.enode)])
    // Whichever was dropped is gone when both sides say so.
    for (;;) {
      const [fromA, fromB] = [a.host.connections, b.host.connections]
      const [one] = fromA
      const [two] = fromB
      if (one && two && one.direction !== two.direction && !one.signal.aborted && !two.signal.aborted) {
        await one.streams[0]?.send(7, Uint8Array.of(0xc0))
        const first = await Promise.race([next(two), two.closed.then(() => undefined)])
        if (first !== undefined) {
          assert.equal(first, 7)
          break
        }
      }
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.equal(a.host.connections.length, 1)
    assert.equal(b.host.connections.length, 1)
  }
})

async function next(connection: RlpxConnection): Promise<number | undefined> {
  for await (const { code } of connection.streams[0]?.messages ?? []) return code
  return undefined
}

test('dialling ends with a typed error when nobody is there, nobody answers, or it is given up', async context => {
  const host = new RlpxHost({
    key: new NodeKey(),
    capabilities: [WAKU_1],
    onConnection: () => {},
    handshakeTimeout: 200
  })
  context.after(() => host.stop())
  const gone = createServer()
  await new Promise<void>(resolve => gone.listen(0, '127.0.0.1', resolve))
  const port = (gone.address() as { port: number }).port
  await new Promise(resolve => gone.close(resolve))
  const at = (to: number): string => formatEnode({ id: new NodeKey().id, host: '127.0.0.1', port: to })
  await assert.rejects(host.dial(at(port)), { name: 'DialError' })

  const mute = createServer(socket => socket.on('error', () => {}))
  await new Promise<void>(resolve => mute.listen(0, '127.0.0.1', resolve))
  context.after(() => mute.close())
  const silent = at((mute.address() as { port: number }).port)
  await assert.rejects(host.dial(silent), { name: 'RlpxHandshakeError' })
  const controller = new AbortController()
  const dialling = host.dial(silent, { signal: controller.signal })
  controller.abort()
  await assert.rejects(dialling, { name: 'AbortError' })
  await assert.rejects(host.dial(silent, { signal: AbortSignal.abort() }), { name: 'AbortError' })

  // Someone else than named: it cannot read what was sealed for another key.
  const target = await startHost(context)
  await assert.rejects(host.dial(at(target.port)), { name: 'RlpxHandshakeError' })
})

test('dials at the same time share one connection', async context => {
  const a = await startHost(context)
  const b = await startHost(context)
  const [one, two] = await Promise.all([a.host.dial(b.enode), a.host.dial(b.enode)])
  assert.equal(one, two)
  await b.connection()
  assert.equal(b.host.counters.accepted, 1)
})

test('a static peer is dialled until it is there, and again when it went', async context => {
  const key = new NodeKey()
  const gone = createServer()
  await new Promise<void>(resolve => gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as { port: number }
  await new Promise(resolve => gone.close(resolve))

  const dialler = await startHost(context)
  const attempts: number[] = []
  const statics = new StaticPeers({
    dial: (enode, options) => {
      attempts.push(performance.now())
      return dialler.host.dial(enode, options)
    },
    pauses: { first: 20, longest: 80, steady: 30_000 }
  })
  context.after(() => statics.stop())
  statics.add({ id: key.id, host: '127.0.0.1', port })
  statics.add({ id: key.id, host: '127.0.0.1', port })
  while (attempts.length < 4) await new Promise(resolve => setImmediate(resolve))

  const first = new RlpxHost({ key, capabilities: [WAKU_1], onConnection: () => {} })
  await first.listen({ host: '127.0.0.1', port })
  const one = await dialler.connection()
  assert.equal(one.peer.toString(), key.peerId.toString())
  await first.stop()
  await one.closed

  const second = new RlpxHost({ key, capabilities: [WAKU_1], onConnection: () => {} })
  context.after(() => second.stop())
  await second.listen({ host: '127.0.0.1', port })
  const two = await dialler.connection()
  assert.notEqual(two, one)
  assert.equal(statics.remove(key.id), true)
  assert.equal(two.signal.aborted, false)
})

test('stopping says "quitting" to everyone, ends dials, and leaves nothing open', async context => {
  const target = await startHost(context)
  const peer = await RawPeer.greet(target)
  const shaking = await openSocket(target)
  const host = target.host
  await target.connection()
  const stopping = host.stop()
  assert.equal(await peer.reason({ compressed: true }), DisconnectReason.Quitting)
  await stopping
  await closed(shaking)
  await assert.rejects(host.dial(target.enode), { name: 'DialError' })
  await assert.rejects(host.listen({ host: '127.0.0.1', port: 0 }), { name: 'DialError' })
  assert.equal(host.connections.length, 0)
})

test('after garbage a peer is read on later; its address too, where much memory is asked for', async context => {
  const target = await startHost(context)
  const noisy = await meet(target)
  const neighbour = await meet(target)
  const bulky = await meet(target)
  const elsewhere = await meet(target, '127.0.0.2')
  for (const { peer, next } of [noisy, neighbour]) {
    peer.sendCompressed(0x11, STATUS)
    await next()
  }
  neighbour.connection.judged({ accepted: 1, charge: 0 })
  const came: string[] = []
  for (const [name, peer] of Object.entries({ noisy, bulky })) void peer.next().then(() => came.push(name))
  noisy.connection.judged({ accepted: 0, charge: 16 * 1024 * 1024 })
  noisy.peer.sendCompressed(0x11, STATUS)
  bulky.peer.sendCompressed(0x11, new Uint8Array(1_100_000))
  await Promise.all([noisy.peer.sent(), bulky.peer.sent()])
  for (let i = 0; i < 5; i++) {
    elsewhere.peer.sendCompressed(0x11, new Uint8Array(1_100_000))
    neighbour.peer.sendCompressed(0x11, STATUS)
    await Promise.all([elsewhere.next(), neighbour.next()])
  }
  assert.deepEqual(came, [])
})

test('what one chunk brings is taken over several turns of the event loop when it costs much', async context => {
  const target = await startHost(context)
  const { peer, connection, next } = await meet(target)
  const stream = connection.stream('waku')
  assert.ok(stream)
  let taken = 0
  stream.limitOf = () => {
    taken++
    const until = performance.now() + 1
    while (performance.now() < until);
    return MAX_BODY
  }
  let before = 0
  let most = 0
  let over = false
  const turn = (): void => {
    most = Math.max(most, taken - before)
    before = taken
    if (!over) setImmediate(turn)
  }
  setImmediate(turn)
  peer.socket.cork()
  for (let i = 0; i < 64; i++) peer.sendCompressed(0x11, STATUS)
  peer.socket.uncork()
  for (let i = 0; i < 64; i++) await next()
  over = true
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(taken, 64)
  assert.ok(most <= 10, `${most} of them in one turn`)
})

test('peers of one address that sent in vain wait for what all of them sent', async context => {
  const target = await startHost(context)
  const crowd = [await meet(target), await meet(target), await meet(target), await meet(target)]
  for (const { peer, next, connection } of crowd) {
    peer.sendCompressed(0x11, STATUS)
    await next()
    connection.judged({ accepted: 0, charge: 4 * 1024 * 1024 })
  }
  const [first, second] = crowd
  assert.ok(first && second)
  const elsewhere = await meet(target, '127.0.0.2')
  let readOn = false
  first.peer.sendCompressed(0x11, STATUS)
  void first.next().then(() => {
    readOn = true
  })
  // its own 4 MiB are paid off after 2 s, those of all after 8 s
  assert.ok(target.limits.throttle.ofPeer(first.connection.origin.peer) < 2100)
  await until(() => target.limits.throttle.ofPeer(first.connection.origin.peer) === 0)
  elsewhere.peer.sendCompressed(0x11, STATUS)
  await elsewhere.next()
  assert.equal(readOn, false)
})

test('who was charged little is read on soon', async context => {
  const target = await startHost(context)
  const { peer, connection, next } = await meet(target)
  connection.judged({ accepted: 0, charge: 128 * 1024 })
  peer.sendCompressed(0x11, new Uint8Array(1_100_000))
  peer.sendCompressed(0x12, STATUS)
  assert.equal((await next()).value?.code, 1)
  assert.equal((await next()).value?.code, 2)
})

test('what has memory waits for no garbage of others, and is given up at its deadline', {
  timeout: 30_000
}, async context => {
  const limits = new Limits({ memory: 3_000_000 })
  const { memory } = limits
  const take = memory.take.bind(memory)
  const taken = new Promise<void>(resolve => {
    memory.take = (reservation, bytes) => {
      const isTaken = take(reservation, bytes)
      if (reservation.bytes > 1_000_000) resolve()
      return isTaken
    }
  })
  const target = await startHost(context, { readTimeout: 1000, limits })
  const slow = await meet(target)
  const noisy = await meet(target)
  const honest = await meet(target, '127.0.0.2')
  slow.peer.socket.cork()
  slow.peer.sendCompressed(0x02, STATUS)
  const whole = slow.peer.sealed(0x11, new Uint8Array(2_000_000))
  slow.peer.socket.write(whole.subarray(0, 1_900_000))
  slow.peer.socket.uncork()
  assert.equal((await slow.peer.next())?.id, 0x03, 'a Pong')
  await taken
  const noise = setInterval(() => noisy.connection.judged({ accepted: 0, charge: 1024 * 1024 }), 20)
  const drip = setInterval(() => slow.peer.socket.write(whole.subarray(1_900_000, 1_900_010)), 50)
  context.after(() => {
    clearInterval(noise)
    clearInterval(drip)
  })
  honest.peer.sendCompressed(0x11, new Uint8Array(2_000_000))
  assert.equal((await honest.next()).value?.body.length, 2_000_000)
  assert.equal((await slow.connection.closed).name, 'StalledError')
})

test('a message that finds no room in time ends its connection, and nothing of it stays', {
  timeout: 30_000
}, async context => {
  const limits = new Limits({ memory: 3_000_000 })
  const others: Reservation = { address: 'others', bytes: 0 }
  const target = await startHost(context, { limits, roomTimeout: 200 })
  const waiting = await meet(target)
  const small = await meet(target)
  assert.ok(limits.memory.take(others, 3_000_000))
  const reason = waiting.peer.reason({ compressed: true })
  waiting.peer.sendCompressed(0x11, new Uint8Array(2_000_000))
  assert.equal(await reason, DisconnectReason.TooManyPeers)
  assert.equal((await waiting.connection.closed).name, 'NoRoomError')
  small.peer.sendCompressed(0x11, new Uint8Array(100))
  assert.equal((await small.next()).value?.body.length, 100, 'what needs no room is read')
  limits.memory.giveBack(others)
  assert.ok(limits.memory.take({ address: 'another', bytes: 0 }, 3_000_000))
})

test('messages that turn out to be larger than they looked do not wait for each other for ever', async context => {
  const target = await startHost(context, { largeMessageMemory: 5_000_000 })
  const peers = [await meet(target), await meet(target, '127.0.0.2'), await meet(target, '127.0.0.3')]
  // 1.5 MB on the wire, 3 MB inflated
  const body = concatBytes(randomBytes(1_500_000), new Uint8Array(1_500_000))
  const compressed: Uint8Array = createRequire(import.meta.url)('snappyjs').compress(body)
  for (const { peer } of peers) peer.send(0x11, compressed)
  await Promise.all(
    peers.map(async ({ next }) => {
      assert.equal((await next()).value?.body.length, 3_000_000)
      void next()
    })
  )
})

test('while a message inflates, what it comes from counts as well; one literal is there once', async context => {
  const limits = new Limits()
  const { memory } = limits
  const take = memory.take.bind(memory)
  let most = 0
  memory.take = (reservation, bytes) => {
    const taken = take(reservation, bytes)
    most = Math.max(most, reservation.bytes)
    return taken
  }
  const target = await startHost(context, { limits })
  const { peer, next } = await meet(target)
  const body = concatBytes(randomBytes(1_500_000), new Uint8Array(1_500_000))
  const block: Uint8Array = createRequire(import.meta.url)('snappyjs').compress(body)
  peer.send(0x11, block)
  assert.equal((await next()).value?.body.length, body.length)
  assert.equal(most, body.length + block.length)
  most = 0
  peer.sendCompressed(0x11, body)
  assert.equal((await next()).value?.body.length, body.length)
  assert.ok(most < body.length + 1000, `${most}`)
})

test('the memory for large messages is shared fairly, and no message waits for ever for the rest of its room', () => {
  const budget = new MemoryBudget(64)
  const of = (address: string): Reservation => ({ address, bytes: 0 })
  const [a, second, b, c] = [of('a'), of('a'), of('b'), of('c')]
  assert.equal(budget.take(a, 16), true)
  assert.equal(budget.take(second, 16), true)
  assert.equal(budget.take(of('a'), 16), false, 'as much as it has must stay free')
  assert.equal(budget.take(b, 16), true)
  assert.equal(budget.take(c, 17), false)
  assert.equal(budget.take(c, 16), true)
  assert.equal(budget.take(of('d'), 1), false)
  assert.equal(budget.take(a, 6), true, 'it was received, and is the first that turns out to be larger')
  assert.equal(budget.take(b, 6), false)
  let retries = 0
  budget.wait(() => retries++)
  budget.giveBack(a)
  assert.equal(retries, 1)
  assert.equal(a.bytes, 0)
  assert.equal(budget.take(b, 6), true)
  assert.equal(budget.take(second, 6), false, 'b has more than its share')
  assert.equal(budget.take(b, 6), true, 'and may have all that it needs')
  for (const reservation of [b, c, second]) budget.giveBack(reservation)
  assert.equal(budget.take(of('d'), 64), true)
})

test('who cannot be told to wait gives way when there is no more: the largest of the most crowded address', () => {
  const budget = new MemoryBudget(64)
  const gone: string[] = []
  const holder = (address: string, name: string) => ({ address, bytes: 0, evict: () => void gone.push(name) })
  const [a, b, c] = [holder('x', 'a'), holder('x', 'b'), holder('y', 'c')]
  budget.hold(a, 20)
  budget.hold(b, 30)
  budget.hold(c, 14)
  assert.deepEqual(gone, [])
  budget.hold(c, 24)
  assert.deepEqual([gone, b.bytes, a.bytes, c.bytes], [['b'], 0, 20, 24])
  const large: Reservation = { address: 'z', bytes: 0 }
  assert.equal(budget.take(large, 40), true, 'nor do they keep a newcomer from waiting his turn')
  assert.deepEqual(gone, ['b', 'c'])
  budget.giveBack(large)
  budget.hold(a, 0)
  assert.equal(budget.take({ address: 'z', bytes: 0 }, 64), true, 'nothing was lost')
})

test('what no packet of its code can be is dropped before it is inflated, and counts against the peer', async context => {
  const target = await startHost(context)
  const { peer, connection, next } = await meet(target)
  const stream = connection.stream('waku')
  assert.ok(stream)
  stream.limitOf = limitOf
  const bomb: Uint8Array = createRequire(import.meta.url)('snappyjs').compress(new Uint8Array(MAX_BODY))
  const charges: number[] = []
  const judged = connection.judged.bind(connection)
  connection.judged = judgement => {
    charges.push(judgement.charge)
    judged(judgement)
  }
  for (const code of [0x02, 0x16, 0x30, 0x7b, 0x7d, 0x7e]) peer.send(0x10 + code, bomb)
  peer.sendCompressed(0x10 + 0x30, new Uint8Array(100_000))
  const { value } = await next()
  assert.deepEqual([value?.code, value?.body.length], [0x30, 100_000])
  assert.deepEqual(charges, new Array(6).fill(bomb.length + 1024))
})

test('an address whose peers send garbage gets new connections slowly', () => {
  let now = 5000
  const gate = new InboundGate(
    { maxHandshakes: 50, maxPerAddress: 50, maxRatePerAddress: 32 },
    address => address === '10.0.0.1',
    () => now
  )
  const entered = (address: string): number =>
    Array.from({ length: 10 }, () => gate.enter(address, () => {})).filter(pass => pass !== undefined).length
  assert.deepEqual([entered('10.0.0.1'), entered('10.0.0.2')], [2, 10])
  now += 1000
  assert.equal(entered('10.0.0.1'), 2)
})

test('an address whose handshakes fail gets new connections slowly, others as before', async context => {
  const target = await startHost(context)
  const fails = async (): Promise<void> => {
    const socket = await openSocket(target)
    socket.end(randomBytes(2000))
    await closed(socket)
  }
  for (let i = 0; i < 20; i++) await fails()
  const { failed } = target.host.counters
  assert.ok(failed >= 17)
  for (let i = 0; i < 20; i++) await fails()
  assert.ok(target.host.counters.flooded >= 10, 'cut off before a byte was read')
  await meet(target, '127.0.0.2')
})

test('peers that come back all at once wait for their handshakes, and none of them is sent away', async context => {
  const target = await startHost(context, { maxInbound: 140, handshakeTimeout: 30_000 })
  const from = Array.from({ length: 140 }, (_, i) => `127.0.1.${2 + (i % 5)}`)
  const peers = await Promise.all(from.map(address => RawPeer.dial(target, new NodeKey(), address)))
  for (const peer of peers) assert.equal((await peer.next())?.id, 0)
  assert.equal(target.host.counters.flooded, 0)
})

test('a large message that is announced and does not come keeps no memory from others', async context => {
  const target = await startHost(context, { largeMessageMemory: 3_000_000 })
  for (const from of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) {
    const { peer } = await meet(target, from)
    peer.socket.cork()
    peer.sendCompressed(0x02, STATUS)
    peer.socket.write(peer.sealed(0x11, new Uint8Array(2_500_000)).subarray(0, 1000))
    peer.socket.uncork()
    assert.equal((await peer.next())?.id, 0x03)
  }
  const honest = await meet(target)
  honest.peer.sendCompressed(0x11, new Uint8Array(2_500_000))
  assert.equal((await honest.next()).value?.body.length, 2_500_000)
})
