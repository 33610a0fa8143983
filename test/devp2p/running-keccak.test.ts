import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { fastKeccak, portableKeccak } from '../../src/devp2p/running-keccak.js'

test('connections that take turns with one instance do not meet in it', async () => {
  const create = await fastKeccak()
  const fast = [create(), create(), create()]
  const portable = fast.map(() => portableKeccak())
  for (let step = 0; step < 300; step++) {
    const at = ((step * step) % 7) % fast.length
    const bytes = randomBytes((step * 37) % 400)
    fast[at]?.update(bytes)
    portable[at]?.update(bytes)
    // not after each: what is not asked for stays in the instance
    if (step % 3 === 0) continue
    const asked = (step + 1) % fast.length
    assert.deepEqual(fast[asked]?.digest(), portable[asked]?.digest(), `step ${step}`)
    if (step === 150) fast.push(create())
  }
})
