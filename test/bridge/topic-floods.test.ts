import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { inVain, Throttle } from '../../src/limits/throttle.js'
import type { Network } from '../../src/waku/packet-channel.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeStatusOptions, MAX_TOPIC_INTEREST } from '../../src/wire/packet/status.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { networkPeer } from '../helpers/network-peer.js'
import { until } from '../helpers/waku-node.js'
import { type BridgeNode, bridgeNode } from './bridge-node.js'

/** The longest timer, ms. */
const FOR_EVER = 2 ** 31 - 1
const ADDRESSES = ['127.0.1.1', '127.0.1.2', '127.0.1.3']
/** The most topics that an update may have, about 50 KB. */
const UPDATE = encodeStatusOptions({
  topics: Array.from({ length: MAX_TOPIC_INTEREST }, (_, i) => Uint8Array.of(1, 2, i >> 8, i & 0xff))
})

/** A node for whose debts no time passes: whoever has to wait waits for as long as the test lasts. */
async function timeless(t: TestContext): Promise<BridgeNode> {
  const node = await bridgeNode(t)
  const throttle = new Throttle(() => 1000)
  const reserve = throttle.reserve.bind(throttle)
  throttle.reserve = origin => (reserve(origin) > 0 ? FOR_EVER : 0)
  Object.defineProperty(node.waku.limits, 'throttle', { value: throttle })
  return node
}

/** How many updates are judged of three that one identity of each address sends, and of two that another sends then. */
async function judgedOf(t: TestContext, node: BridgeNode, network: Network): Promise<number> {
  const { counters, limits } = node.waku
  const updates = (): number => counters.snapshot().status_updates
  let sent = 0
  for (const from of ADDRESSES)
    for (const count of [3, 2]) {
      const peer = await networkPeer(t, node, { network, from })
      for (let i = 0; i < count; i++) {
        await peer.send(PacketCode.StatusUpdate, UPDATE)
        sent++
        await until(() => updates() + limits.counts.get('slowed_packet') >= sent)
      }
    }
  return updates()
}

for (const network of ['libp2p', 'devp2p'] as const) {
  test(`of updates with ten thousand topics the first two of an address do not wait, and of each later identity the first: ${network}`, async t => {
    const node = await timeless(t)
    assert.equal(await judgedOf(t, node, network), 3 * ADDRESSES.length)
    const honest = await networkPeer(t, node, { network, from: '127.0.0.9' })
    assert.deepEqual(await honest.confirm(newEnvelope()), [])
  })

  test(`the control: without debts all of them are judged: ${network}`, async t => {
    const node = await timeless(t)
    node.waku.limits.throttle.reserve = () => 0
    assert.equal(await judgedOf(t, node, network), 5 * ADDRESSES.length)
  })
}

test('within ten seconds so many of one address are judged, and less than four times as many of ten together', () => {
  const { charge } = inVain(UPDATE)
  for (const [addresses, most] of [
    [1, 252],
    [10, 870]
  ] as const) {
    let now = 1000
    const throttle = new Throttle(() => now)
    const next = Array.from({ length: addresses }, () => 0)
    let judged = 0
    for (; now < 11_000; now++)
      for (const [i, due] of next.entries()) {
        if (due > now) continue
        const origin = { peer: `peer ${i}`, address: `address ${i}` }
        throttle.charge(origin, charge)
        judged++
        next[i] = now + throttle.reserve(origin)
        if (next[i] === now) next[i] = now + 1
      }
    assert.equal(judged, most)
  }
})
