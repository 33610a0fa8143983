import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from '../../src/waku/pace.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { loneNode, scriptedPeer } from '../helpers/scripted-peer.js'
import { until } from '../helpers/waku-node.js'

test('packets wait for what the peer takes in a second, by packets and by bytes [WAKU-46] [WAKU-47]', () => {
  const clock = { ms: 5000 }
  const pace = new Pace(() => clock.ms)
  pace.sent(1_000_000)
  assert.equal(pace.wait, 0, 'nothing was announced')
  pace.follow({ packetLimits: { ip: 10, peer: 5, topic: 1 } })
  pace.sent(1_000_000)
  assert.ok(Math.abs(pace.wait - 220) < 1e-6, 'a fifth of a second and a tenth of that')
  clock.ms += 100
  pace.sent(1)
  assert.ok(Math.abs(pace.wait - 340) < 1e-6, 'one that did not wait is made up for')
  clock.ms += 1000
  assert.equal(pace.wait, 0)
  pace.follow({ packetLimits: { ip: 0, peer: 100, topic: 0 }, byteLimits: { ip: 2000, peer: 0, topic: 0 } })
  assert.equal(pace.packetSize, 2000)
  pace.sent(1000)
  assert.ok(Math.abs(pace.wait - 550) < 1e-6)
  clock.ms += 1000
  pace.follow({ byteLimits: { ip: 0, peer: 1, topic: 0 } })
  for (let i = 0; i < 10; i++) pace.sent(1_000_000)
  assert.equal(pace.wait, 60_000, 'a minute is the most')
  pace.follow({})
  assert.equal(pace.wait, 0, 'the limit was lifted')
})

test('a peer that announced rate limits is sent everything, in fewer packets than others [WAKU-46] [SHH-07]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const source = await scriptedPeer(node)
  const began = performance.now()
  const slow = await scriptedPeer(node, { packetLimits: { ip: 0, peer: 10, topic: 0 } })
  const quick = await scriptedPeer(node)
  const count = 30
  for (let i = 0; i < count; i++) {
    await source.confirm(newEnvelope())
    await until(() => quick.envelopes.length === i + 1)
  }
  await until(() => slow.envelopes.length === count)
  const packets = slow.received.filter(({ code }) => code === PacketCode.Messages).length
  assert.ok(packets <= 1 + ((performance.now() - began) / 1000) * 10, `${packets} packets`)
  assert.equal(new Set(slow.envelopes).size, count)
})

test('no packet is larger than what a peer takes in a second', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const source = await scriptedPeer(node)
  const size = newEnvelope().size
  const envelopes = Array.from({ length: 6 }, () => newEnvelope())
  await source.confirm(...envelopes)
  const slow = await scriptedPeer(node, { byteLimits: { ip: 0, peer: 3 * size, topic: 0 } })
  await until(() => slow.envelopes.length === 6)
  const bodies = slow.received.filter(({ code }) => code === PacketCode.Messages).map(({ body }) => body.length)
  assert.equal(bodies.length, 2)
  assert.ok(Math.max(...bodies) <= 3 * size + 4)
})

test("an application's own posts count, and a feed that waits ends with its conversation", async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const source = await scriptedPeer(node, { bloom: new Uint8Array(64) })
  const slow = await scriptedPeer(node, { confirmations: false, packetLimits: { ip: 0, peer: 1, topic: 0 } })
  const posted = newEnvelope()
  await node.post({ envelope: posted })
  await until(() => slow.envelopes.includes(posted.hashHex))
  const timers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  await source.confirm(newEnvelope())
  await until(() => timers() > before)
  assert.equal(slow.envelopes.length, 1, 'the next one waits')
  slow.channel.abort(new Error('it leaves'))
  await slow.over
  await until(() => timers() <= before)
})
