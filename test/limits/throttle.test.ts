import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Origin } from '../../src/limits/origin.js'
import { Throttle } from '../../src/limits/throttle.js'

const MIB = 1024 * 1024

const at = (address: string, peer = `of ${address}`): Origin => ({ peer, address })

function throttled(): { throttle: Throttle; clock: { ms: number } } {
  const clock = { ms: 1000 }
  return { throttle: new Throttle(() => clock.ms), clock }
}

test('who sends garbage is read at 2 MiB of it a second, mistakes left out, and never waits longer than 8 s', () => {
  const { throttle, clock } = throttled()
  const noisy = at('a')
  const wait = (): number => throttle.ofPeer(noisy.peer)
  assert.equal(wait(), 0)
  throttle.charge(noisy, 64 * 1024)
  assert.equal(wait(), 0, 'a mistake')
  throttle.charge(noisy, 2 * MIB)
  assert.equal(wait(), 1000)
  clock.ms += 400
  assert.equal(wait(), 600)
  throttle.charge(noisy, MIB)
  assert.equal(wait(), 1100)
  throttle.charge(noisy, 1000 * MIB)
  assert.ok(wait() > 7900 && wait() <= 8000)
  clock.ms += 8000
  assert.equal(wait(), 0)
  clock.ms += 1_000_000
  throttle.charge(noisy, MIB)
  assert.equal(wait(), 469, 'a new start')
})

test('identities of one address share its rate, and go on one after the other; who brought something does not wait', () => {
  const { throttle } = throttled()
  const crowd = Array.from({ length: 8 }, (_, i) => at('a', `peer ${i}`))
  for (const peer of crowd) throttle.charge(peer, MIB)
  const waits = crowd.map(peer => throttle.reserve(peer))
  assert.ok((waits[0] as number) >= 3900, 'what the eight sent takes four seconds')
  for (let i = 1; i < waits.length; i++) assert.ok((waits[i] as number) > (waits[i - 1] as number))
  throttle.prove(at('a', 'honest'))
  assert.equal(throttle.reserve(at('a', 'honest')), 0)
  throttle.prove(at('a', 'mistaken'))
  throttle.charge(at('a', 'mistaken'), 32 * 1024)
  throttle.prove(at('a', 'mistaken'))
  assert.equal(throttle.reserve(at('a', 'mistaken')), 0)
  assert.equal(throttle.reserve(at('b')), 0)
})

test('ten addresses that send garbage have twice the rate of one together', () => {
  const { throttle, clock } = throttled()
  const crowd = Array.from({ length: 10 }, (_, i) => at(`10.0.0.${i}`))
  for (const peer of crowd) throttle.charge(peer, MIB)
  clock.ms += 101
  const before = crowd.map(({ address }) => throttle.ofAddress(address))
  for (const peer of crowd) throttle.charge(peer, MIB / 4)
  for (const [i, { address }] of crowd.entries())
    assert.equal(
      throttle.ofAddress(address) - (before[i] as number),
      625,
      'a quarter MiB at two fifths of a MiB a second'
    )
})

test('a new identity, a new stream or another network is no new start', () => {
  const { throttle } = throttled()
  throttle.charge(at('a', 'peer'), MIB)
  assert.ok(throttle.reserve(at('b', 'peer')) > 0, 'the same peer from elsewhere')
  assert.equal(throttle.noisy('a'), false)
  throttle.charge(at('a', 'another'), 2 * MIB)
  assert.equal(throttle.noisy('a'), true)
  throttle.charge(at('a', 'third'), 128 * 1024)
  assert.ok(throttle.reserve(at('a', 'third')) > 1000, 'it waits for what the others sent')
})

test('however many send in vain, so many are remembered, who did so longest ago is forgotten', () => {
  const { throttle } = throttled()
  throttle.charge(at('first'), MIB)
  for (let i = 0; i < 4095; i++) throttle.charge(at(`address ${i}`), MIB)
  assert.ok(throttle.ofPeer('of first') > 0)
  throttle.charge(at('last'), MIB)
  assert.equal(throttle.ofPeer('of first'), 0)
  assert.equal(throttle.ofAddress('first'), 0)
  assert.ok(throttle.ofAddress('last') > 0)
})
