import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { CapabilityMessage } from '../../src/devp2p/capability-stream.js'
import { DisconnectError, DisconnectReason } from '../../src/devp2p/disconnect.js'
import type { RlpxConnection } from '../../src/devp2p/rlpx-connection.js'
import { toHex } from '../../src/wire/bytes.js'
import { SHH_6, startHost, startPair, WAKU_0, WAKU_1 } from './hosts.js'
import { RawPeer } from './raw-peer.js'

async function take(connection: RlpxConnection, name: string, count: number): Promise<CapabilityMessage[]> {
  const stream = connection.stream(name)
  assert.ok(stream)
  const taken: CapabilityMessage[] = []
  if (count === 0) return taken
  for await (const message of stream.messages) {
    taken.push(message)
    if (taken.length === count) break
  }
  return taken
}

test('two nodes exchange messages of every size over TCP [WAKU-01] [P2P-04]', async context => {
  for (const version of [4, 5] as const) {
    const { out, in: inbound } = await startPair(context, { version }, {})
    assert.equal(inbound.hello.version, version)
    const bodies = [0, 1, 15, 16, 17, 59, 60, 61, 255, 256, 257, 65_535, 65_536, 70_000, 3_000_000].map(size =>
      randomBytes(size)
    )
    for (const [from, to] of [
      [out, inbound],
      [inbound, out]
    ] as const) {
      const sender = from.stream('waku')
      const receiver = to.stream('waku')
      assert.ok(sender && receiver)
      receiver.maxBody = 4_000_000
      const got = take(to, 'waku', bodies.length)
      for (const [i, body] of bodies.entries()) {
        const cut = Math.floor(body.length / 3)
        await sender.send(i, [body.subarray(0, cut), body.subarray(cut)])
      }
      for (const [i, message] of (await got).entries()) {
        assert.equal(message.code, i)
        assert.ok(Buffer.from(message.body).equals(bodies[i] as Buffer), `body ${i}`)
      }
    }
  }
})

test('both ends know each other by peer id, node id and what the other says of itself [P2P-03]', async context => {
  const { dialler, listener, out, in: inbound } = await startPair(context, { client: 'one' }, { client: 'two' })
  assert.equal(out.peer.toString(), listener.host.peerId.toString())
  assert.equal(inbound.peer.toString(), dialler.host.peerId.toString())
  assert.equal(toHex(out.id), toHex(listener.host.key.id))
  assert.deepEqual([out.direction, inbound.direction], ['outbound', 'inbound'])
  assert.deepEqual([out.hello.client, inbound.hello.client], ['two', 'one'])
  assert.equal(inbound.hello.port, dialler.port)
  assert.equal(dialler.host.connection(listener.host.peerId), out)
  assert.equal(await dialler.host.dial(listener.enode), out)
})

test('the highest shared version of each name is used, at the offsets of the sorted names [P2P-06] [WAKU-57] [WAKU-58]', async context => {
  const all = { capabilities: [WAKU_0, WAKU_1, SHH_6] }
  const { out, in: inbound } = await startPair(context, all, all)
  assert.deepEqual(
    inbound.hello.capabilities.map(({ name, version }) => `${name}/${version}`),
    ['waku/0', 'waku/1', 'shh/6']
  )
  for (const connection of [out, inbound]) {
    assert.deepEqual(
      connection.streams.map(({ name, version }) => `${name}/${version}`),
      ['shh/6', 'waku/1']
    )
  }
  // waku sits at 0x90: its ids from code 0x70 on have two bytes.
  const codes = [0, 0x6f, 0x70, 0x7d, 0x7e, 0x7f]
  const got = Promise.all([take(inbound, 'waku', codes.length), take(inbound, 'shh', codes.length)])
  for (const code of codes) {
    await out.stream('waku')?.send(code, Uint8Array.of(1))
    await out.stream('shh')?.send(code, Uint8Array.of(2))
  }
  assert.deepEqual(
    (await got).map(messages => messages.map(message => [message.code, message.body[0]])),
    [codes.map(code => [code, 1]), codes.map(code => [code, 2])]
  )
})

test('a disconnect lets what was sent leave, and both ends know the reason [P2P-07]', async context => {
  const { out, in: inbound } = await startPair(context)
  const sender = out.stream('waku')
  const receiver = inbound.stream('waku')
  assert.ok(sender && receiver)
  receiver.maxBody = 1 << 20
  const bodies = Array.from({ length: 40 }, () => randomBytes(20_000))
  for (const [code, body] of bodies.entries()) await sender.send(code, body)
  const leaving = out.disconnect(DisconnectReason.Quitting)
  const received: CapabilityMessage[] = []
  for await (const message of receiver.messages) received.push(message)
  await leaving
  assert.equal(received.length, bodies.length)
  const error = await inbound.closed
  assert.ok(error instanceof DisconnectError)
  assert.deepEqual([error.reason, error.by], [DisconnectReason.Quitting, 'remote'])
  assert.ok(out.signal.aborted)
  await assert.rejects(sender.send(0, Uint8Array.of(0xc0)), DisconnectError)
})

test('when the socket breaks while messages wait for their reader, those in hand are kept, and nothing more is sent', async context => {
  const target = await startHost(context, { pingInterval: 50 })
  const peer = await RawPeer.greet(target)
  const connection = await target.connection()
  const stream = connection.stream('waku')
  assert.ok(stream)
  // More than is read ahead, so that the socket is not watched when it breaks.
  for (let code = 0; code < 30; code++) peer.sendCompressed(0x10 + code, randomBytes(100_000))
  for (let pings = 0; pings < 3; ) if ((await peer.next())?.id === 0x02) pings++
  peer.socket.resetAndDestroy()
  await connection.closed
  assert.ok(connection.signal.aborted)
  assert.deepEqual(target.host.connections, [])
  await assert.rejects(stream.send(1, Uint8Array.of(0xc0)), DisconnectError)
  let received = 0
  await assert.rejects(async () => {
    for await (const { code, body } of stream.messages) {
      assert.equal(code, received++)
      assert.equal(body.length, 100_000)
    }
  })
  assert.ok(received >= 3 && received < 30, `${received}`)
})
