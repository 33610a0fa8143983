import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { comparePositions, inOrder } from '../../src/archive/position.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'

const time = fc.oneof(fc.nat(3), fc.integer({ min: MAX_UINT32 - 2, max: MAX_UINT32 }))
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })

test('positions are put in the order of time, and those of one second in that of their hashes', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ sent: time, hash }), { maxLength: 50 }), positions => {
      const before = [...positions]
      assert.deepEqual(inOrder(positions), positions.toSorted(comparePositions))
      assert.deepEqual(positions, before)
    })
  )
})
