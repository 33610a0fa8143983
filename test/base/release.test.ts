import assert from 'node:assert/strict'
import { test } from 'node:test'
import { release } from '../../src/base/release.js'

test('what is released is gone at once: no collector has to come for it', () => {
  const { arrayBuffers } = process.memoryUsage()
  for (let i = 0; i < 8; i++) {
    const bytes = new Uint8Array(16 * 1024 * 1024)
    release(bytes)
    assert.equal(bytes.length, 0)
  }
  assert.ok(process.memoryUsage().arrayBuffers - arrayBuffers < 32 * 1024 * 1024)
})
