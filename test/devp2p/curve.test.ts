import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { fleetingKey, lastingKey } from '../../src/devp2p/curve.js'
import { CLI, cleanEnv, ended } from '../cli/processes.js'
import { tempDir } from '../node/temp-dir.js'

test('both ways to agree on a secret come to what the curve says, also for a key that begins with zeros', () => {
  const other = secp256k1.utils.randomSecretKey()
  const otherKey = secp256k1.getPublicKey(other, false)
  for (const privateKey of [secp256k1.utils.randomSecretKey(), new Uint8Array(32).fill(7, 2)]) {
    const expected = secp256k1.getSharedSecret(privateKey, otherKey, true).slice(1)
    for (const make of [fleetingKey, lastingKey]) {
      const key = make(privateKey)
      assert.deepEqual(key.publicKey, secp256k1.getPublicKey(privateKey, false))
      for (let i = 0; i < 20; i++) assert.deepEqual(key.agree(otherKey), expected)
      assert.deepEqual(make(other).agree(key.publicKey), expected)
    }
  }
  for (const make of [fleetingKey, lastingKey]) assert.throws(() => make().agree(new Uint8Array(65).fill(4)))
})

/** What Electron's crypto answers. */
const WITHOUT_CURVE = `import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
crypto.createECDH = () => { throw new Error('Invalid EC curve name') }
syncBuiltinESMExports()`

test('a node starts and proves itself where the platform has no secp256k1, devp2p included', async t => {
  const preload = `data:text/javascript,${encodeURIComponent(WITHOUT_CURVE)}`
  const flags = [
    'start',
    '--self-check',
    '--once',
    '--listen',
    '/ip4/127.0.0.1/tcp/0',
    '--devp2p-listen',
    '127.0.0.1:0'
  ]
  const child = spawn(process.execPath, ['--import', preload, CLI, ...flags], {
    cwd: tempDir(t),
    env: cleanEnv(),
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.after(() => child.kill('SIGKILL'))
  const { code, stdout, stderr } = await ended(child)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /completion ok/)
})
