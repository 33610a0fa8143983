import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DigestThread } from '../../src/node/crypto/digest-thread.js'
import type { PacketDigester } from '../../src/waku/packet-digester.js'
import { toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { batchHash, encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { digestPacket, PacketDigests } from '../../src/wire/packet/packet-digests.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { loneNode, scriptedPeer } from '../helpers/scripted-peer.js'
import { until } from '../helpers/waku-node.js'

const large = (count = 60): Envelope[] => Array.from({ length: count }, () => newEnvelope())
const bodyOf = (envelopes: Envelope[]): Uint8Array => encodeMessages(envelopes.map(({ raw }) => raw))

async function startedThread(): Promise<DigestThread> {
  const thread = new DigestThread()
  assert.equal(await thread.start(), true)
  return thread
}

test('hashes large packets as they would be hashed here', async t => {
  const thread = await startedThread()
  t.after(() => thread.stop())
  const bodies = [large(30), large(200), large(61)].map(bodyOf)
  const asked = bodies.map(body => thread.digest(body, { pow: 1e9 }))
  const copies = bodies.map(body => body.slice())
  for (const body of bodies) body.fill(0)
  for (const [i, answer] of asked.entries()) {
    const digests = (await answer) as PacketDigests
    const expected = new PacketDigests(digestPacket(copies[i] as Uint8Array, { pow: 1e9 }))
    assert.deepEqual(digests.batch, expected.batch)
    for (let item = 0; item < 30; item++) assert.deepEqual(digests.of(item), expected.of(item))
  }
})

test('hashes a packet above 1 MiB, which is copied in pieces', async t => {
  const thread = await startedThread()
  t.after(() => thread.stop())
  const envelopes = Array.from({ length: 20 }, () => newEnvelope({ data: new Uint8Array(60_000) }))
  const body = bodyOf(envelopes)
  assert.ok(body.length > 1024 * 1024)
  const digests = (await thread.digest(body, { pow: 0 })) as PacketDigests
  assert.deepEqual(digests.batch, batchHash(body))
  for (const [i, { hash }] of envelopes.entries()) assert.deepEqual(digests.of(i)?.hash, hash)
})

test('leaves to its caller what is small, too much at once, no packet, or asked when there is no thread', async t => {
  const thread = new DigestThread()
  t.after(() => thread.stop())
  const body = bodyOf(large())
  assert.equal(thread.digest(body, { pow: 0 }), undefined, 'the thread is only being started')
  assert.equal(await thread.start(), true)
  assert.equal(thread.digest(bodyOf([newEnvelope()]), { pow: 0 }), undefined)
  assert.equal(thread.digest(new Uint8Array(17 * 1024 * 1024), { pow: 0 }), undefined)
  const most = thread.digest(new Uint8Array(16 * 1024 * 1024), { pow: 0 })
  assert.equal(thread.digest(body, { pow: 0 }), undefined)
  assert.equal(await most, undefined, 'no packet')
  assert.ok((await thread.digest(body, { pow: 0 })) instanceof PacketDigests)
  const last = thread.digest(body, { pow: 0 })
  thread.stop()
  assert.equal(await last, undefined)
  assert.equal(thread.digest(body, { pow: 0 }), undefined)
  assert.equal(await thread.start(), true, 'a thread that was stopped starts again')
})

test('a node with a thread judges, stores and confirms as one without, in the order of the packets', async t => {
  const thread = await startedThread()
  t.after(() => thread.stop())
  let hashed = 0
  const digester: PacketDigester = {
    digest: (body, options) => {
      const answer = thread.digest(body, options)
      if (answer !== undefined) hashed++
      return answer
    }
  }
  const node = await loneNode({ digester, pow: 0.000001 })
  t.after(() => node.stop())
  const stored: string[] = []
  node.setStore({
    append: async envelopes => {
      stored.push(...envelopes.map(({ raw }) => toHex(raw)))
      return envelopes.map(() => 'stored')
    }
  })
  const peer = await scriptedPeer(node)
  const [first, second, third] = [large(), large(1), large()] as [Envelope[], Envelope[], Envelope[]]
  const malformed = Uint8Array.of(0xc1, 0x05)
  const idle = newEnvelope({ ttl: 86_000, data: new Uint8Array(5000) })
  assert.equal(idle.powBits < 9, true)
  const sent = [
    await peer.sendEnvelopes(...first, malformed, first[3] as Envelope),
    await peer.sendEnvelopes(...second),
    await peer.sendEnvelopes(idle, ...third)
  ]
  for (const batch of sent) {
    const response = await peer.next(PacketCode.MessageResponse)
    assert.equal(toHex(response.body).includes(batch), true)
    assert.equal(toHex((await peer.next(PacketCode.BatchAck)).body).includes(batch), true)
  }
  assert.equal(hashed, 2)
  assert.deepEqual(
    stored,
    [...first, ...second, ...third].map(({ raw }) => toHex(raw))
  )
  assert.equal(node.counters.get('refused_pow'), 1)
  assert.equal(node.counters.get('refused_malformed'), 1)
  assert.equal(node.counters.get('envelopes_known'), 1)
})

test('packets under way are stored when the thread ends', async t => {
  const thread = await startedThread()
  const digester: PacketDigester = {
    digest: (body, options) => {
      const answer = thread.digest(body, options)
      thread.stop()
      return answer
    }
  }
  const node = await loneNode({ digester })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  assert.deepEqual(await peer.confirm(...large()), [])
  assert.deepEqual(await peer.confirm(...large()), [])
  assert.equal(node.counters.get('envelopes_accepted'), 120)
})

for (const onMalformed of ['abort', 'ignore'] as const) {
  test(`a large packet that is no list of envelopes is dealt with once: ${onMalformed}`, async t => {
    const thread = await startedThread()
    t.after(() => thread.stop())
    const node = await loneNode({ digester: thread })
    t.after(() => node.stop())
    const peer = await scriptedPeer(node, {}, { onMalformed })
    await peer.send(PacketCode.Messages, new Uint8Array(20_000))
    if (onMalformed === 'abort') assert.equal((await peer.over)?.name, 'MalformedError')
    else assert.deepEqual(await peer.confirm(...large()), [])
    assert.equal(node.counters.get('packets_malformed'), 1)
  })
}

test('one packet is read while the one before is hashed, not more', async t => {
  const gates: Array<() => void> = []
  const digester: PacketDigester = {
    digest: () => new Promise(resolve => gates.push(() => resolve(undefined)))
  }
  const node = await loneNode({ digester })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node)
  const packets = Array.from({ length: 5 }, () => [newEnvelope()])
  for (const packet of packets) await peer.sendEnvelopes(...packet)
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
  assert.equal(gates.length, 2)
  let stopped: Promise<void> | undefined
  for (let i = 0; i < 5; i++) {
    await until(() => gates.length > i)
    // what is in hand when the node stops is still confirmed
    if (i === 4) stopped = node.beforeStop()
    gates[i]?.()
    await peer.next(PacketCode.MessageResponse)
    await peer.next(PacketCode.BatchAck)
  }
  assert.equal(node.counters.get('envelopes_accepted'), 5)
  await peer.channel.close()
  await stopped
})
