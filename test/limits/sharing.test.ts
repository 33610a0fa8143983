import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Sharing } from '../../src/limits/sharing.js'

test('something is shared once one came behind another, and for so long', () => {
  const sharing = new Sharing(Number.POSITIVE_INFINITY)
  assert.equal(sharing.active, false)
  sharing.note('a')
  sharing.note('a')
  assert.equal(sharing.active, false, 'one that comes often is alone')
  sharing.note('b')
  sharing.note('b')
  assert.equal(sharing.active, true)

  const forgetful = new Sharing(0)
  forgetful.note('a')
  forgetful.note('b')
  assert.equal(forgetful.active, false)
})
