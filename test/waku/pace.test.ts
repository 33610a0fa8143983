import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from '../../src/waku/pace.js'
import { PacketCode } from '../../src/wire/packet-code.js'
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
  pace.sent(1_000_000)
  assert.equal(pace.wait, 60_000)
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
  // a peer that is waited for does not keep the node from stopping
  await source.confirm(newEnvelope())
})
