import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { AppendOutcome } from '../../src/archive/archive.js'
import type { EnvelopeStore } from '../../src/waku/store-batch.js'
import { toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { decodeBatchAck, decodeMessageResponse } from '../../src/wire/packet/confirmation.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { newEnvelope } from '../helpers/envelopes.js'
import type { MemoryChannel } from '../helpers/memory-channel.js'
import { loneNode, scriptedPeer } from '../helpers/scripted-peer.js'
import { until } from '../helpers/waku-node.js'

/** A store whose appends are finished, or failed, by the test. */
class HeldStore implements EnvelopeStore {
  readonly appends: Array<{ envelopes: Envelope[]; store: () => void; fail: () => void }> = []

  append(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    return new Promise((resolve, reject) => {
      this.appends.push({
        envelopes,
        store: () => resolve(envelopes.map(() => 'stored')),
        fail: () => reject(new Error('disk full'))
      })
    })
  }

  async nth(index: number): Promise<HeldStore['appends'][number]> {
    await until(() => this.appends.length > index)
    return this.appends[index] as HeldStore['appends'][number]
  }
}

test('confirmations wait for the disk: first 0x0c, then 0x0b, in the order of the packets [WAKU-53] [WAKU-54] [USE-04]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const store = new HeldStore()
  node.setStore(store)
  const peer = await scriptedPeer(node)
  const first = await peer.sendEnvelopes(newEnvelope())
  const second = await peer.sendEnvelopes(newEnvelope(), newEnvelope())
  const empty = await peer.sendEnvelopes()
  ;(await store.nth(1)).store()
  await new Promise(resolve => setTimeout(resolve, 30))
  assert.equal(peer.received.length, 1, 'only the Status so far')
  ;(await store.nth(0)).store()
  for (const batch of [first, second, empty]) {
    const response = decodeMessageResponse((await peer.next(PacketCode.MessageResponse)).body)
    assert.equal(toHex(response.batch), batch)
    assert.deepEqual(response.refused, [])
    assert.equal(toHex(decodeBatchAck((await peer.next(PacketCode.BatchAck)).body)), batch)
  }
})

test('forwarding and subscribers do not wait for the disk', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  node.setStore(new HeldStore())
  const seen: string[] = []
  node.subscribe({}, ({ envelope }) => seen.push(envelope.hashHex))
  const other = await scriptedPeer(node)
  const envelope = newEnvelope()
  await (await scriptedPeer(node)).sendEnvelopes(envelope)
  assert.equal((await other.nextEnvelopes())[0]?.hashHex, envelope.hashHex)
  assert.deepEqual(seen, [envelope.hashHex])
})

test('an envelope that could not be stored is named, and stored but not forwarded again when it comes again', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const store = new HeldStore()
  node.setStore(store)
  const seen: string[] = []
  node.subscribe({}, ({ envelope }) => seen.push(envelope.hashHex))
  const other = await scriptedPeer(node)
  const peer = await scriptedPeer(node)
  const envelope = newEnvelope()
  const answer = peer.confirm(envelope)
  ;(await store.nth(0)).fail()
  assert.deepEqual(await answer, [{ hash: envelope.hashHex, code: 2, text: 'not stored' }])
  assert.equal(node.counters.get('envelopes_not_stored'), 1)

  const again = peer.confirm(envelope)
  const retried = await store.nth(1)
  assert.deepEqual(
    retried.envelopes.map(({ hashHex }) => hashHex),
    [envelope.hashHex]
  )
  retried.store()
  assert.deepEqual(await again, [])
  // and now it is known: nothing is appended any more
  assert.deepEqual(await peer.confirm(envelope), [])
  assert.equal(store.appends.length, 2)
  assert.deepEqual(seen, [envelope.hashHex])
  const last = newEnvelope()
  const confirming = peer.confirm(last)
  ;(await store.nth(2)).store()
  await confirming
  await until(() => other.envelopes.length >= 2)
  assert.deepEqual(other.envelopes, [envelope.hashHex, last.hashHex])
})

test('copies that come while an envelope is being stored wait for the same append', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const store = new HeldStore()
  node.setStore(store)
  const envelope = newEnvelope()
  const peers = [await scriptedPeer(node, { topics: [] }), await scriptedPeer(node, { topics: [] })]
  const answers = peers.map(peer => peer.confirm(envelope, envelope))
  const append = await store.nth(0)
  await until(() => node.counters.get('envelopes_known') === 3)
  append.fail()
  const refusal = { hash: envelope.hashHex, code: 2, text: 'not stored' }
  for (const answer of answers) assert.deepEqual((await answer)[0], refusal)
  assert.equal(store.appends.length, 1)
})

test('a peer is not read on while too many of its packets wait for the disk', async t => {
  const node = await loneNode({ packetsInFlight: 3 })
  t.after(() => node.stop())
  const store = new HeldStore()
  node.setStore(store)
  const peer = await scriptedPeer(node)
  for (let i = 0; i < 10; i++) await peer.sendEnvelopes(newEnvelope())
  await store.nth(2)
  await new Promise(resolve => setTimeout(resolve, 30))
  assert.equal(store.appends.length, 3)
  for (let i = 0; i < 10; i++) (await store.nth(i)).store()
  for (let i = 0; i < 10; i++) {
    await peer.next(PacketCode.MessageResponse)
    await peer.next(PacketCode.BatchAck)
  }
})

test('a node that did not announce confirmations sends none', async t => {
  const node = await loneNode({ confirmations: false })
  t.after(() => node.stop())
  const peer = await scriptedPeer(node, null)
  const status = await peer.shakeHands({ confirmations: true })
  assert.equal(status.confirmations, false)
  await peer.sendEnvelopes(newEnvelope())
  await until(() => node.counters.get('envelopes_accepted') === 1)
  const mark = newEnvelope()
  await node.post({ envelope: mark }, { timeout: 20 })
  assert.equal((await peer.nextEnvelopes())[0]?.hashHex, mark.hashHex)
})

test('stopping stores and confirms what was accepted before the conversation ends', async () => {
  const node = await loneNode()
  const store = new HeldStore()
  node.setStore(store)
  const peer = await scriptedPeer(node)
  const answer = peer.confirm(newEnvelope())
  const append = await store.nth(0)
  const stopped = node.beforeStop()
  append.store()
  assert.deepEqual(await answer, [])
  await peer.channel.close()
  await stopped
  node.stop()
  assert.equal(await peer.end(), 'end')
})

test('packets of one address, however many its peers, leave turns to another [MAIL-01]', async t => {
  const node = await loneNode()
  t.after(() => node.stop())
  const store = new HeldStore()
  node.setStore(store)
  const { appends } = store
  const silent = { bloom: new Uint8Array(64) }
  const crowd = await Promise.all(Array.from({ length: 24 }, () => scriptedPeer(node, silent, { address: 'crowd' })))
  const alone = await scriptedPeer(node, silent, { address: 'alone' })
  const bulky = () => newEnvelope({ data: randomBytes(20_000) })
  for (const peer of crowd) await peer.sendEnvelopes(bulky())
  await until(() => appends.length === 8)
  const envelope = bulky()
  await alone.sendEnvelopes(envelope)
  await until(() => (alone.channel as MemoryChannel).other.waiting === 0)
  for (let i = 0; i < 2; i++) (await store.nth(i)).store()
  await until(() => appends.length === 10)
  const hashes = appends.slice(8).flatMap(({ envelopes }) => envelopes.map(({ hashHex }) => hashHex))
  assert.ok(hashes.includes(envelope.hashHex))
  for (let i = 2; i < 25; i++) (await store.nth(i)).store()
})
