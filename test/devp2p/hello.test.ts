import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DisconnectError, DisconnectReason } from '../../src/devp2p/disconnect.js'
import { decodeHello, encodeHello, type Hello } from '../../src/devp2p/hello.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import { concatBytes, fromHex } from '../../src/wire/bytes.js'
import { MalformedError } from '../../src/wire/errors.js'
import { encodeList, encodeString, encodeUint } from '../../src/wire/rlp.js'
import { SHH_6, startHost, startPair, WAKU_1 } from './hosts.js'
import { RawPeer } from './raw-peer.js'

const text = (value: string): Uint8Array => encodeString(new TextEncoder().encode(value))

test('version differences and further items in a Hello are ignored [P2P-03]', async context => {
  const target = await startHost(context)
  for (const version of [0, 3, 4, 5, 6, 77]) {
    const peer = await RawPeer.dial(target)
    const body = encodeList([
      encodeUint(version),
      text('status/v9'),
      encodeList([
        encodeList([text('waku'), encodeUint(1), encodeUint(9), encodeList([])]),
        encodeList([text('waku')]),
        encodeList([]),
        encodeList([text('x'.repeat(40)), encodeUint(1)])
      ]),
      encodeUint(30303),
      encodeString(peer.key.id),
      encodeUint(1),
      encodeList([text('more')])
    ])
    peer.send(0, body)
    const { hello } = await target.connection()
    assert.deepEqual([hello.version, hello.client, hello.port], [version, 'status/v9', 30303])
    assert.deepEqual(hello.capabilities, [{ name: 'waku', version: 1 }])
    peer.socket.destroy()
  }
})

test('bodies are compressed only when both sides are at version 5, Hello never [P2P-04] [P2P-03]', async context => {
  for (const [ours, theirs] of [
    [5, 5],
    [5, 4],
    [4, 5],
    [4, 4]
  ] as const) {
    const target = await startHost(context, { version: ours })
    const peer = await RawPeer.dial(target)
    peer.hello({ version: theirs })
    const hello = await peer.next()
    assert.equal(decodeHello((hello as { payload: Uint8Array }).payload).version, ours)
    const connection = await target.connection()
    const stream = connection.streams[0]
    assert.ok(stream)
    const compressed = ours === 5 && theirs === 5
    const body = fromHex('c3010203')
    await stream.send(0x16, body)
    const sent = await peer.next()
    assert.equal(sent?.id, 0x10 + 0x16)
    assert.deepEqual(new Uint8Array(sent.payload), compressed ? concatBytes(fromHex('040c'), body) : body)
    if (compressed) peer.sendCompressed(0x11, body)
    else peer.send(0x11, body)
    for await (const message of stream.messages) {
      assert.equal(message.code, 1)
      assert.deepEqual(new Uint8Array(message.body), body)
      break
    }
    // p2p messages follow the same rule.
    peer.send(0x02, compressed ? fromHex('0100c0') : fromHex('c0'))
    assert.deepEqual(new Uint8Array((await peer.next())?.payload ?? []), compressed ? fromHex('0100c0') : fromHex('c0'))
    peer.socket.destroy()
  }
})

test('a peer without a shared capability, or who is someone else than it proved, is told so', async context => {
  const target = await startHost(context)
  const cases: [Partial<Hello>, DisconnectReason, boolean][] = [
    [{ capabilities: [] }, DisconnectReason.UselessPeer, true],
    [{ capabilities: [SHH_6, { name: 'waku', version: 0 }] }, DisconnectReason.UselessPeer, true],
    [{ capabilities: [SHH_6], version: 4 }, DisconnectReason.UselessPeer, false],
    [{ id: new NodeKey().id }, DisconnectReason.UnexpectedIdentity, false],
    [{ id: new Uint8Array(64) }, DisconnectReason.NullIdentity, false],
    [{ id: new Uint8Array(63) }, DisconnectReason.BreachOfProtocol, false]
  ]
  for (const [hello, reason, compressed] of cases) {
    const peer = await RawPeer.dial(target)
    peer.hello(hello)
    assert.equal(await peer.reason({ compressed }), reason)
  }
  const garbled = await RawPeer.dial(target)
  garbled.send(0, fromHex('f8'))
  assert.equal(await garbled.reason(), DisconnectReason.BreachOfProtocol)
  assert.equal(target.host.connections.length, 0)
  assert.equal(target.host.counters.failed, 7)
})

test('a Disconnect is understood in both encodings, compressed or not, before and after Hello [P2P-07]', async context => {
  const target = await startHost(context)
  for (const [payload, reason] of [
    ['020403', undefined],
    ['01000a', 0x0a],
    ['0204c108', 0x08],
    ['c108', 0x08],
    ['08', 0x08],
    ['c110', 0x10],
    ['c0', 0x00],
    ['c180', 0x00]
  ] as const) {
    const peer = await RawPeer.greet(target)
    const connection = await target.connection()
    peer.send(1, fromHex(payload))
    const error = await connection.closed
    assert.ok(error instanceof DisconnectError)
    assert.equal(error.by, 'remote')
    if (reason !== undefined) assert.equal(error.reason, reason, payload)
    assert.equal(await peer.next(), undefined, 'the socket is closed in answer')
  }
  const early = await RawPeer.dial(target)
  early.send(1, fromHex('c104'))
  assert.equal((await early.next())?.id, 0)
  assert.equal(await early.next(), undefined)
  // The dialling side hears why it is refused.
  const full = await startHost(context, { maxInbound: 0 })
  const dialler = await startHost(context)
  await assert.rejects(dialler.host.dial(full.enode), { name: 'DisconnectError', reason: 4, by: 'remote' })
})

test('a clean end lets the reader finish, any other is thrown at it [P2P-07]', async context => {
  for (const [reason, clean] of [
    [DisconnectReason.Requested, true],
    [DisconnectReason.Quitting, true],
    [DisconnectReason.SubprotocolError, false],
    [DisconnectReason.UselessPeer, false]
  ] as const) {
    const { out, in: inbound } = await startPair(context)
    await out.streams[0]?.send(0, fromHex('c0'))
    void out.disconnect(reason)
    let messages = 0
    const reading = (async () => {
      for await (const _ of inbound.streams[0]?.messages ?? []) messages++
    })()
    if (clean) await reading
    else await assert.rejects(reading, { name: 'DisconnectError', reason })
    assert.equal(messages, 1)
  }
})

test('a Hello that is none is malformed, whatever it is', () => {
  const good = encodeHello({ version: 5, client: 'a', capabilities: [WAKU_1], port: 1, id: new Uint8Array(64).fill(1) })
  assert.deepEqual(decodeHello(good).capabilities, [{ name: 'waku', version: 1 }])
  for (let length = 0; length < good.length; length++) {
    assert.throws(() => decodeHello(good.subarray(0, length)), MalformedError)
  }
  const item = encodeUint(1)
  for (const items of [[item], [item, item, item, item], [encodeList([]), item, encodeList([]), item, item]]) {
    assert.throws(() => decodeHello(encodeList(items)), MalformedError)
  }
})
