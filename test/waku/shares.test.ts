import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concatBytes } from '../../src/wire/bytes.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeStatusOptions } from '../../src/wire/packet/status.js'
import { encodeList, encodeUint } from '../../src/wire/rlp.js'
import { newEnvelope } from '../helpers/envelopes.js'
import type { ScriptedPeer } from '../helpers/scripted-peer.js'
import { loneNode, scriptedPeer } from '../helpers/scripted-peer.js'

/** What a peer may send that is of no use, or of little. */
const HOSTILE: Record<string, () => [code: number, body: Uint8Array]> = {
  garbage: () => [
    PacketCode.Messages,
    encodeMessages(Array.from({ length: 900 }, (_, i) => encodeList([encodeUint(i)])))
  ],
  hopeless: () => [
    PacketCode.Messages,
    encodeMessages([newEnvelope().raw, ...Array.from({ length: 5000 }, (_, i) => encodeList([encodeUint(i)]))])
  ],
  empty: () => [PacketCode.Messages, Uint8Array.of(0xc0)],
  topics: () => [
    PacketCode.StatusUpdate,
    encodeStatusOptions({ topics: Array.from({ length: 10_000 }, (_, i) => Uint8Array.of(1, 2, i >> 8, i & 0xff)) })
  ],
  unknown: () => [0x30, concatBytes(Uint8Array.of(0xb8, 100), new Uint8Array(100))],
  ack: () => [PacketCode.BatchAck, concatBytes(Uint8Array.of(0xa0), new Uint8Array(32))],
  good: () => [PacketCode.Messages, encodeMessages([newEnvelope().raw])]
}

const mixture = fc.record({
  addresses: fc.integer({ min: 1, max: 3 }),
  peers: fc.integer({ min: 1, max: 12 }),
  packets: fc.array(fc.constantFrom(...Object.keys(HOSTILE)), { minLength: 5, maxLength: 20 })
})

type Mixture = { addresses: number; peers: number; packets: string[] }

/** Most turns that others had while the honest one waited for one. */
async function mostTurns({ addresses, peers, packets }: Mixture, options: { byAddress: boolean }): Promise<number> {
  const node = await loneNode()
  let most = 0
  /** Turns of others since the honest one waits. */
  let waiting: number | undefined
  const { throttle, packets: queue } = node.limits
  const run = queue.run.bind(queue)
  queue.run = (origin, work, given) => {
    const mine = origin.address === 'honest'
    if (mine) waiting = 0
    const asker = options.byAddress ? origin : { ...origin, address: origin.peer }
    const counted = (): ReturnType<typeof work> => {
      if (mine) {
        most = Math.max(most, waiting ?? 0)
        waiting = undefined
      } else if (waiting !== undefined) waiting++
      return work()
    }
    return run(asker, counted, given)
  }
  try {
    const nothing = { bloom: new Uint8Array(64) }
    const honest = await scriptedPeer(node, nothing, { address: 'honest', throttle })
    const hostile: ScriptedPeer[] = []
    for (let address = 0; address < addresses; address++)
      for (let peer = 0; peer < peers; peer++)
        hostile.push(await scriptedPeer(node, nothing, { address: `address ${address}`, throttle }))
    const bodies = packets.map(name => (HOSTILE[name] as () => [number, Uint8Array])())
    for (const peer of hostile) for (const [code, body] of bodies) peer.send(code, body).catch(() => {})
    for (let i = 0; i < 5; i++) assert.deepEqual(await honest.confirm(newEnvelope()), [])
    return most
  } finally {
    await node.stop()
  }
}

test('whatever a few addresses send, an honest peer beside them has its turn after one of each', async () => {
  await fc.assert(
    fc.asyncProperty(mixture, async what => {
      const turns = await mostTurns(what, { byAddress: true })
      assert.ok(turns <= what.addresses, `${turns} turns of others before one of its own`)
    }),
    { numRuns: 10 }
  )
})

test('the control: by peer alone a crowd of one address has many turns before it', async () => {
  const packets = new Array<string>(10).fill('garbage')
  const turns = await mostTurns({ addresses: 1, peers: 40, packets }, { byAddress: false })
  assert.ok(turns > 1, `${turns} turns`)
})
