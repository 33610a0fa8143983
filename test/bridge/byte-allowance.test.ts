import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteAllowance } from '../../src/bridge/byte-allowance.js'

test('new identities of an address have no more than four together; it comes back within an hour', () => {
  const clock = { ms: 0 }
  const allowance = new ByteAllowance(1000, () => clock.ms)
  const of = (peer: number, address = 'x') => ({ peer: `peer ${peer}`, address })
  assert.equal(allowance.spend(of(0), 1000), true)
  assert.equal(allowance.left(of(0)), 0)
  for (let peer = 1; peer < 4; peer++) assert.equal(allowance.spend(of(peer), 1000), true)
  assert.equal(allowance.left(of(4)), 0)
  assert.equal(allowance.spend(of(4), 1), false)
  assert.equal(allowance.left(of(4, 'y')), 999, 'elsewhere it has what it did not spend')
  clock.ms += 1_800_000
  assert.equal(Math.round(allowance.left(of(0))), 500)
  assert.equal(allowance.wait(of(0), 1000), 1800)
})
