import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printable } from '../../src/wire/printable.js'

test('terminal sequences leave nothing behind, wherever they end', () => {
  assert.equal(printable('busy \u001b[31m'), 'busy')
  assert.equal(printable('a\u001b[1;31mred\u001b[0m b'), 'ared b')
  assert.equal(printable('a\u001b[?25l\u001b[2 qb'), 'ab')
  assert.equal(printable('a\u009b31mb'), 'ab')
  assert.equal(printable(new TextEncoder().encode('a\u001b[31mb')), 'ab')
  assert.equal(printable('cut off \u001b[38;5'), 'cut off')
})

test('brackets that no escape precedes stay as they are', () => {
  assert.equal(printable('at most [31m] of\n[0m'), 'at most [31m] of [0m')
})
