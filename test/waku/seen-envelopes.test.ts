import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerId } from '@libp2p/interface'
import { turnIsOver } from '../../src/base/loop-turn.js'
import { PeerSet } from '../../src/waku/peer-set.js'
import { Peers } from '../../src/waku/peers.js'
import { Pool } from '../../src/waku/pool.js'
import { SeenEnvelope, SeenEnvelopes } from '../../src/waku/seen-envelopes.js'
import type { Session } from '../../src/waku/session.js'
import { newEnvelope } from '../helpers/envelopes.js'

const entry = (expiry: number): SeenEnvelope =>
  new SeenEnvelope(newEnvelope({ sent: expiry - 5, ttl: 5 }), 'stored', { storedAt: 0, own: false })

test('forgets what expired, whatever the clock did meanwhile', () => {
  const forgotten: number[] = []
  const heard = new SeenEnvelopes(100, ({ expiry }) => forgotten.push(expiry))
  for (const expiry of [1000, 1001, 1002, 1002, 9000]) heard.add(entry(expiry))
  heard.expire(1001)
  assert.deepEqual(forgotten, [1000])
  heard.expire(1003)
  assert.deepEqual(forgotten, [1000, 1001, 1002, 1002])
  // the clock is set back, and what comes then expires too
  heard.add(entry(500))
  heard.expire(400)
  heard.add(entry(450))
  heard.expire(501)
  assert.deepEqual(forgotten.slice(4).sort(), [450, 500])
  // and far ahead
  heard.expire(1_000_000)
  assert.equal(heard.size, 0)
})

test('evicts the oldest, and does not keep them for their expiry', () => {
  const heard = new SeenEnvelopes(3, () => {})
  const entries = [1000, 2000, 3000, 4000, 5000].map(entry)
  assert.deepEqual(
    entries.map(each => heard.add(each)),
    [0, 0, 0, 1, 1]
  )
  assert.equal(heard.get(entries[1]?.hash as string), undefined)
  assert.equal(heard.get(entries[2]?.hash as string), entries[2])
  assert.equal(heard.size, 3)
})

test('a pool is read from any position, over what is gone', () => {
  const pool = new Pool(1000, 1e9)
  const entries = Array.from({ length: 5000 }, (_, i) => entry(1000 + i))
  const read = (from: number): SeenEnvelope[] => {
    const seen: SeenEnvelope[] = []
    assert.equal(
      pool.visit(from, each => seen.push(each) > 0),
      pool.last
    )
    return seen
  }
  for (const [i, each] of entries.entries()) {
    pool.add(each)
    if (i % 3 === 0) pool.remove(each)
  }
  const live = entries.filter(({ envelope }) => envelope !== undefined)
  assert.equal(pool.size, live.length)
  assert.equal(pool.size, 1000)
  assert.equal(
    pool.bytes,
    live.reduce((sum, { envelope }) => sum + (envelope?.size ?? 0), 0)
  )
  assert.deepEqual(read(0), live)
  assert.deepEqual(read((live[499] as SeenEnvelope).position), live.slice(500))
  assert.deepEqual(read(pool.last), [])
  let count = 0
  const reached = pool.visit(0, () => ++count <= 10)
  assert.deepEqual(read(reached), live.slice(10))
  for (const each of live) pool.remove(each)
  assert.equal(pool.bytes, 0)
  assert.deepEqual(read(0), [])
})

test('a set of peers holds any slot', () => {
  const set = new PeerSet()
  const slots = [0, 1, 31, 32, 33, 63, 64, 1000]
  for (const slot of slots) set.add(slot)
  for (let slot = 0; slot < 1100; slot++) assert.equal(set.has(slot), slots.includes(slot), String(slot))
  for (const slot of [31, 64, 5000]) set.delete(slot)
  assert.deepEqual(
    [31, 32, 64, 1000].map(slot => set.has(slot)),
    [false, true, false, true]
  )
})

test('forgets in order for as long as it lives, whatever expired in between', () => {
  const gone: SeenEnvelope[] = []
  const heard = new SeenEnvelopes(50, each => gone.push(each))
  const all = Array.from({ length: 6000 }, (_, i) => entry(10_000 + (i % 7 === 0 ? i : i + 500)))
  for (const [i, each] of all.entries()) {
    heard.add(each)
    if (i % 1000 === 999) heard.expire(10_000 + i - 20)
    assert.equal(heard.size <= 50, true)
  }
  assert.equal(new Set(gone).size, gone.length)
  assert.equal(gone.length + heard.size, all.length)
  for (const each of all) assert.equal(heard.get(each.hash) === each, !gone.includes(each))
})

test('slots of peers that are gone are cleared everywhere while everything else goes on', async () => {
  const heard = new SeenEnvelopes(10_000, () => {})
  const entries = Array.from(
    { length: 5000 },
    () => new SeenEnvelope(newEnvelope(), 'stored', { storedAt: 0, own: false })
  )
  for (const entry of entries) {
    heard.add(entry)
    for (const slot of [3, 40, 41, 200]) entry.knownBy.add(slot)
    entry.broughtAgain(40)
  }
  let turns = 0
  const counting = setImmediate(function count() {
    turns++
    setImmediate(count).unref()
  })
  // from now on this turn of the loop is measured, and it lasts too long
  turnIsOver()
  const until = performance.now() + 5
  while (performance.now() < until);
  await heard.release([3, 40, 200])
  clearImmediate(counting)
  assert.ok(turns > 0)
  for (const entry of entries) {
    assert.deepEqual(
      [3, 40, 41, 200].filter(slot => entry.knownBy.has(slot)),
      [41]
    )
    assert.equal(entry.broughtAgain(40), false)
  }
})

test('a conversation that never became ready leaves nothing to be cleared, and its slot is used again', () => {
  const peers = new Peers()
  const peer = { toString: () => 'peer' } as PeerId
  const session = (): Session => ({ peer, slot: peers.slotOf(peer) }) as Session
  for (let i = 0; i < 100; i++) {
    const failed = session()
    assert.equal(failed.slot, 0)
    peers.add(failed)
    peers.remove(failed, undefined)
  }
  assert.deepEqual(peers.takeReleased(), [])
  const met = session()
  peers.add(met)
  peers.onReady(met)
  peers.remove(met, undefined)
  assert.deepEqual(peers.takeReleased(), [0])
  assert.equal(session().slot, 1, 'until it is cleared nobody else gets it')
})
