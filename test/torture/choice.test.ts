import assert from 'node:assert/strict'
import { test } from 'node:test'
import { someOf } from '../../scripts/torture/disk-suite.js'
import { activities } from '../../scripts/torture/faults/activities.js'
import { faults } from '../../scripts/torture/faults/all.js'

test('the small torture has two of each kind of fault and each activity several times, and in a few seeds all', () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= activities.length; seed++) {
    const names = someOf(faults, seed).map(({ name }) => name)
    for (const name of names) seen.add(name)
    const kinds = names.map(name => name.replace(/ (during|after) .*/, ''))
    assert.equal(names.length, (2 * faults.length) / activities.length)
    for (const kind of new Set(kinds)) assert.equal(kinds.filter(each => each === kind).length, 2, kind)
    for (const { name } of activities) assert.ok(names.filter(each => each.endsWith(name)).length >= 3, name)
  }
  assert.equal(seen.size, faults.length)
})
