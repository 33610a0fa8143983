import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Waste } from '../../src/limits/waste.js'

const MIB = 1024 * 1024

test('who sends garbage is read at 2 MiB of it a second, mistakes left out, and never waits longer than 8 s', () => {
  const clock = { ms: 1000 }
  const waste = new Waste(() => clock.ms)
  assert.equal(waste.wait, 0)
  waste.add(64 * 1024)
  assert.equal(waste.wait, 0, 'a mistake')
  waste.add(2 * MIB)
  assert.equal(waste.wait, 1000)
  clock.ms += 400
  assert.equal(waste.wait, 600)
  waste.add(MIB)
  assert.equal(waste.wait, 1100)
  waste.add(1000 * MIB)
  assert.ok(waste.wait > 7900 && waste.wait <= 8000)
  clock.ms += 7999
  assert.equal(waste.wait, 0)
  clock.ms += 1_000_000
  waste.add(MIB)
  assert.equal(waste.wait, 469, 'a new start')
})
