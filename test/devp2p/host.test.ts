import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { DisconnectReason } from '../../src/devp2p/disconnect.js'
import { formatEnode } from '../../src/devp2p/enode.js'
import { addressKey, InboundGate } from '../../src/devp2p/inbound-gate.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import type { RlpxConnection } from '../../src/devp2p/rlpx-connection.js'
import { RlpxHost } from '../../src/devp2p/rlpx-host.js'
import { StaticPeers } from '../../src/devp2p/static-peers.js'
import { startHost, WAKU_1 } from './hosts.js'
import { closed, openSocket, RawPeer } from './raw-peer.js'

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
  const target = await startHost(context)
  await Promise.all(Array.from({ length: 40 }, () => openSocket(target, '127.0.0.2')))
  assert.equal((await (await RawPeer.dial(target)).next())?.id, 0)
  assert.equal(target.host.counters.flooded, 8)
})

test('one address has so many connections and so many attempts a second, whatever the others do', () => {
  let now = 5000
  const gate = new InboundGate({ maxHandshakes: 5, maxPerAddress: 3, maxRatePerAddress: 4 }, () => now)
  const passes = [1, 2, 3].map(() => gate.enter('10.0.0.1'))
  assert.ok(passes.every(pass => pass !== undefined))
  assert.equal(gate.enter('10.0.0.1'), undefined, 'three at a time')
  assert.equal(gate.enter('::ffff:10.0.0.1'), undefined, 'the same address')
  const other = gate.enter('10.0.0.2')
  assert.ok(other)
  assert.ok(gate.enter('10.0.0.3'))
  assert.equal(gate.enter('10.0.0.4'), undefined, 'five handshakes at a time')
  other.agreed()
  other.agreed()
  assert.ok(gate.enter('10.0.0.4'))
  assert.equal(gate.enter('10.0.0.5'), undefined, 'agreeing twice frees one place')
  passes[0]?.closed()
  assert.ok(gate.enter('10.0.0.1'))
  passes[1]?.closed()
  assert.equal(gate.enter('10.0.0.1'), undefined, 'four a second')
  now += 1000
  assert.ok(gate.enter('10.0.0.1'))
})

test('an address is an IPv4 address, mapped or not, or an IPv6 /64', () => {
  for (const [address, key] of [
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:0db8::9', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0']
  ] as const) {
    assert.equal(addressKey(address), key)
  }
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
  await assert.rejects(host.dial(silent), { name: 'HandshakeError' })
  const controller = new AbortController()
  const dialling = host.dial(silent, { signal: controller.signal })
  controller.abort()
  await assert.rejects(dialling, { name: 'AbortError' })
  await assert.rejects(host.dial(silent, { signal: AbortSignal.abort() }), { name: 'AbortError' })

  // Someone else than named: it cannot read what was sealed for another key.
  const target = await startHost(context)
  await assert.rejects(host.dial(at(target.port)), { name: 'HandshakeError' })
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
    minBackoff: 20,
    maxBackoff: 80
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
