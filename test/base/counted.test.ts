import assert from 'node:assert/strict'
import { test } from 'node:test'
import { counted } from '../../src/base/counted.js'

test('one is one, everything else is many', () => {
  assert.deepEqual(
    [0, 1, 2, 1000].map(count => counted(count, 'envelope')),
    ['0 envelopes', '1 envelope', '2 envelopes', '1000 envelopes']
  )
  assert.equal(counted(1, 'address', 'addresses'), '1 address')
  assert.equal(counted(3, 'address', 'addresses'), '3 addresses')
})
