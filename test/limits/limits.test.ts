import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Debts } from '../../src/limits/debts.js'
import { Limits } from '../../src/limits/limits.js'

const MIB = 1024 * 1024

test('who has the whole pool again and again has it at a steady rate, under whatever identity', () => {
  const limits = new Limits()
  const peer = { peer: 'a', address: 'x' }
  limits.oldSent(peer, 64 * MIB)
  assert.equal(limits.oldWait(peer), 0, 'all of it is for everybody')
  limits.oldSent(peer, MIB)
  assert.ok(limits.oldWait(peer) > 7000)
  assert.equal(limits.oldWait({ peer: 'b', address: 'x' }), 0)
  for (const other of ['b', 'c', 'd']) limits.oldSent({ peer: other, address: 'x' }, 64 * MIB)
  assert.ok(limits.oldWait({ peer: 'e', address: 'x' }) > 0, 'its address had its share')
  assert.equal(limits.oldWait({ peer: 'e', address: 'y' }), 0)
})

test('of a table of debts that is full the one who came to owe longest ago is forgotten', () => {
  const debts = new Debts({ rate: 1, free: 0, longest: 1000, remembered: 2 }, () => 0)
  for (const key of ['a', 'b', 'a', 'c']) debts.owe(key, 100)
  assert.deepEqual(
    ['a', 'b', 'c'].map(key => debts.wait(key)),
    [200, 0, 100]
  )
  assert.equal(debts.debtors(0), 2)
})
