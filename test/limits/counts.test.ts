import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { LIMIT_EVENTS } from '../../src/limits/counts.js'
import { Limits } from '../../src/limits/limits.js'
import type { Origin } from '../../src/limits/origin.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { RequestErrorCode } from '../../src/wire/request/request-error.js'
import { startHost } from '../devp2p/hosts.js'
import { legacyNode } from '../devp2p/legacy-node.js'
import { PacketPeer } from '../devp2p/packet-peer.js'
import { until } from '../helpers/waku-node.js'
import { aMailserver, aPeer, ask, TestRequest } from '../mailserver/fixture.js'
import { sealRequest } from '../mailserver/request-maker.js'

const MIB = 1024 * 1024
/** What is paid off in some seconds, bytes. */
const SECONDS = 16 * MIB

/** Those that are not zero. */
function met(limits: Limits): Record<string, number> {
  return Object.fromEntries(Object.entries(limits.counts.snapshot()).filter(([, count]) => count > 0))
}

test('each bound is counted by a name of a closed set, from the beginning', () => {
  const counts = new Limits().counts.snapshot()
  assert.deepEqual(Object.keys(counts).sort(), [...LIMIT_EVENTS].sort())
  assert.ok(Object.values(counts).every(count => count === 0))
  for (const name of LIMIT_EVENTS) assert.match(name, /^(refused|waited|slowed|evicted)_[a-z]+$/)
})

test('waiting for a turn and for memory, and giving way, are counted', async () => {
  const limits = new Limits({ memory: 2 * MIB })
  let release = (): void => {}
  const busy = limits.others.run({ peer: 'a', address: 'x' }, () => new Promise<void>(resolve => (release = resolve)))
  const waiting = limits.others.run({ peer: 'b', address: 'y' }, () => {})
  assert.deepEqual(met(limits), { waited_others: 1 })
  release()
  await Promise.all([busy, waiting])
  for (const address of ['x', 'x', 'y']) limits.memory.hold({ address, bytes: 0, evict: () => {} }, MIB)
  limits.memory.wait(() => {})
  assert.deepEqual(met(limits), { waited_others: 1, evicted_stream: 1, waited_memory: 1 })
})

test('sockets and peers that find no place are counted', async t => {
  const limits = new Limits()
  const target = await startHost(t, { maxInbound: 1, maxPerAddress: 2, limits })
  const full = await startHost(t)
  await full.host.dial(target.enode)
  const late = await startHost(t)
  await assert.rejects(late.host.dial(target.enode), /TooManyPeers/)
  assert.deepEqual(met(limits), { refused_connection: 1 })
  const sockets = Array.from({ length: 4 }, () => connect(target.port, '127.0.0.1'))
  for (const socket of sockets) {
    target.sockets.add(socket)
    socket.on('error', () => {})
  }
  await Promise.all(sockets.slice(1).map(socket => once(socket, 'close')))
  assert.ok((met(limits).refused_socket ?? 0) >= 2)
})

test('what is too large, and who is read later for what it sent in vain, is counted', async t => {
  const node = await legacyNode(t)
  const { limits } = node.waku
  const peer = await PacketPeer.dial(t, node, 'waku/1')
  await peer.shakeHands()
  const charged: Origin[] = []
  const charge = limits.throttle.charge.bind(limits.throttle)
  limits.throttle.charge = (origin, bytes) => {
    charged.push(origin)
    charge(origin, bytes)
  }
  const large = (): Promise<void> => peer.send(PacketCode.BatchAck, new Uint8Array(200 * 1024))
  for (let i = 0; i < 5; i++) await large()
  await until(() => met(limits).refused_packet === 5)
  // more than is paid off before the next is read, on however slow a machine
  charge(charged[0] as Origin, SECONDS)
  await large()
  await until(() => (met(limits).slowed_packet ?? 0) >= 1)
})

test('who finds no place for a request, and who is asked for its next one later, is counted', async t => {
  const { server, waku } = await aMailserver(t, { maxRequestsPerPeer: 1 })
  const peer = await aPeer()
  const first = new TestRequest(peer, sealRequest())
  const answered = server.handle(first)
  const second = await ask(server, sealRequest(), { peer })
  assert.equal(second.errorCode, RequestErrorCode.busy)
  await answered
  assert.equal(met(waku.limits).refused_request, 1)
  waku.limits.throttle.charge(first.origin, SECONDS)
  const third = new TestRequest(peer, sealRequest())
  const rested = server.handle(third)
  await until(() => met(waku.limits).slowed_request === 1)
  third.abort(new Error('who is gone is not waited for'))
  await rested
})
