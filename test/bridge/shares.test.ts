import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { NodeKey } from '../../src/devp2p/node-key.js'
import type { Network } from '../../src/waku/packet-channel.js'
import { concatBytes } from '../../src/wire/bytes.js'
import { topicFromNumber } from '../../src/wire/envelope/topic.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeStatusOptions } from '../../src/wire/packet/status.js'
import { encodeList, encodeUint } from '../../src/wire/rlp.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { networkPeer } from '../helpers/network-peer.js'
import type { ScriptedPeer } from '../helpers/scripted-peer.js'
import { until } from '../helpers/waku-node.js'
import { sealPayload, sealRequest } from '../mailserver/request-maker.js'
import { type BridgeNode, bridgeNode } from './bridge-node.js'

const NETWORKS = ['libp2p', 'devp2p'] as const
const MIB = 1024 * 1024

/** What a peer may send that is of no use, or of little, and ends no connection. */
const HOSTILE: Record<string, () => [code: number, body: Uint8Array]> = {
  garbage: () => [
    PacketCode.Messages,
    encodeMessages(Array.from({ length: 900 }, (_, i) => encodeList([encodeUint(i)])))
  ],
  empty: () => [PacketCode.Messages, Uint8Array.of(0xc0)],
  topics: () => [
    PacketCode.StatusUpdate,
    encodeStatusOptions({ topics: Array.from({ length: 10_000 }, (_, i) => Uint8Array.of(1, 2, i >> 8, i & 0xff)) })
  ],
  unknown: () => [0x30, concatBytes(Uint8Array.of(0xb8, 100), new Uint8Array(100))],
  ack: () => [PacketCode.BatchAck, concatBytes(Uint8Array.of(0xa0), new Uint8Array(32))],
  bloom: () => [PacketCode.StatusUpdate, encodeStatusOptions({ bloom: randomBytes(64) })],
  large: () => [PacketCode.Messages, encodeMessages([encodeList([new Uint8Array(900_000)])])],
  'no list': () => [PacketCode.Messages, concatBytes(Uint8Array.of(0xb9, 0xff, 0xff), new Uint8Array(0xffff))],
  request: () => [PacketCode.Request, sealRequest({}, { key: STRANGE }).raw],
  'large request': () => [PacketCode.Request, sealPayload(new Uint8Array(15_500), { key: STRANGE }).raw],
  'a thousand topics': () => [PacketCode.Request, sealRequest({ topics: THOUSAND }, { ttl: 1 }).raw],
  everything: () => [PacketCode.Request, sealRequest({}, { ttl: 1 }).raw],
  good: () => [PacketCode.Messages, encodeMessages([newEnvelope().raw])]
}

const STRANGE = new Uint8Array(32).fill(3)
const THOUSAND = Array.from({ length: 1000 }, (_, i) => topicFromNumber(i))

const HONEST = '127.0.0.9'

interface Mixture {
  honest: Network
  peers: { network: Network; address: number; packets: string[] }[]
}

const mixture = fc.record<Mixture>({
  honest: fc.constantFrom(...NETWORKS),
  peers: fc.array(
    fc.record({
      network: fc.constantFrom(...NETWORKS),
      address: fc.integer({ min: 1, max: 3 }),
      packets: fc.array(fc.constantFrom(...Object.keys(HOSTILE)), { minLength: 3, maxLength: 10 })
    }),
    { minLength: 1, maxLength: 8 }
  )
})

/** Counts the turns that others have while one of the honest address waits for one of the same queue. */
function watch({ waku }: BridgeNode): { most: number; turns: number } {
  const seen = { most: 0, turns: 0 }
  const { packets, others } = waku.limits
  for (const queue of [packets, others]) {
    let waiting: number | undefined
    const run = queue.run.bind(queue)
    queue.run = (origin, work, options) => {
      const mine = origin.address === HONEST
      if (mine) waiting = 0
      const counted = (): ReturnType<typeof work> => {
        if (mine) {
          seen.turns++
          seen.most = Math.max(seen.most, waiting ?? 0)
          waiting = undefined
        } else if (waiting !== undefined) waiting++
        return work()
      }
      return run(origin, counted, options)
    }
  }
  return seen
}

test('whatever a few addresses send over either network, an honest peer beside them has its turn after one of each', async t => {
  const node = await bridgeNode(t)
  const seen = watch(node)
  let entered = 0
  await fc.assert(
    fc.asyncProperty(mixture, async ({ honest, peers }) => {
      const ends: (() => unknown)[] = []
      const scope = { after: (end: () => unknown) => void ends.push(end) }
      seen.most = 0
      try {
        const good = await networkPeer(scope, node, { network: honest, from: HONEST })
        for (const { network, address, packets } of peers) {
          // an address that connected too often is kept out for a while
          const peer = await networkPeer(scope, node, { network, from: `127.0.1.${address}` }).catch(() => undefined)
          if (peer === undefined) continue
          entered++
          for (const name of packets) {
            const [code, body] = (HOSTILE[name] as () => [number, Uint8Array])()
            peer.send(code, body).catch(() => {})
          }
        }
        for (let i = 0; i < 3; i++) {
          await good.send(PacketCode.StatusUpdate, encodeStatusOptions({ bloom: new Uint8Array(64) }))
          assert.deepEqual(await good.confirm(newEnvelope()), [])
        }
      } finally {
        await Promise.all(ends.map(end => end()))
      }
      const addresses = new Set(peers.map(({ address }) => address)).size
      assert.ok(seen.most <= addresses, `${seen.most} turns of others before one of its own`)
    }),
    { numRuns: 8 }
  )
  assert.ok(entered >= 8, `only ${entered} were let in`)
  assert.ok(seen.turns >= 8 * 2 * 3, `only ${seen.turns} turns of the honest one were seen`)
})

/** Whether a peer's next post is still not confirmed when an honest one had three of its own. */
async function waits(t: TestContext, node: BridgeNode, peer: ScriptedPeer, network: Network): Promise<boolean> {
  const honest = await networkPeer(t, node, { network, from: HONEST })
  let confirmed = false
  // over libp2p the packet after one that was judged waits
  await peer.send(PacketCode.Messages, encodeMessages([newEnvelope().raw]))
  void peer.confirm(newEnvelope()).then(
    () => {
      confirmed = true
    },
    () => {}
  )
  for (let i = 0; i < 3; i++) assert.deepEqual(await honest.confirm(newEnvelope()), [])
  return !confirmed
}

for (const first of NETWORKS) {
  const second = first === 'libp2p' ? 'devp2p' : 'libp2p'

  test(`what a peer sent in vain over ${first} is its debt over ${second} too, from wherever it comes`, async t => {
    const node = await bridgeNode(t)
    const { throttle } = node.waku.limits
    const key = new NodeKey()
    const garbage = encodeMessages(Array.from({ length: 900 }, (_, i) => encodeList([encodeUint(i)])))
    const noisy = await networkPeer(t, node, { network: first, key, from: '127.0.1.1' })
    await noisy.send(PacketCode.Messages, garbage)
    await until(() => throttle.ofPeer(key.peerId.toString()) > 0)
    // 12 MiB more of the same
    throttle.charge({ peer: key.peerId.toString(), address: '127.0.1.1' }, 12 * MIB)
    const moved = await networkPeer(t, node, { network: second, key, from: '127.0.1.2' })
    assert.equal(await waits(t, node, moved, second), true)
  })

  test(`new identities of an address have no patience of their own over ${second} when it was used up over ${first}`, async t => {
    const node = await bridgeNode(t)
    const { throttle } = node.waku.limits
    for (let i = 0; i < 8; i++) throttle.charge({ peer: `over ${first} ${i}`, address: '127.0.1.1' }, 2 * MIB)
    const fresh = await networkPeer(t, node, { network: second, from: '127.0.1.1' })
    assert.equal(await waits(t, node, fresh, second), true)
  })
}

test('the control: without debts by peer and address nobody waits on the other network', async t => {
  const node = await bridgeNode(t)
  const { throttle } = node.waku.limits
  throttle.reserve = () => 0
  const key = new NodeKey()
  throttle.charge({ peer: key.peerId.toString(), address: '127.0.1.1' }, 12 * MIB)
  const moved = await networkPeer(t, node, { network: 'devp2p', key, from: '127.0.1.1' })
  await moved.confirm(newEnvelope())
})
