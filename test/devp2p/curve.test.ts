import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fleetingKey, platformKey, portableKey } from '../../src/devp2p/curve.js'
import { CLI, cleanEnv, ended } from '../cli/processes.js'
import { tempDir } from '../node/temp-dir.js'

test('all ways to agree on a secret come to the same, also for a key that begins with zeros', () => {
  const other = portableKey()
  for (const key of [portableKey().privateKey, new Uint8Array(32).fill(7, 2)]) {
    const [fast, portable] = [platformKey(key), portableKey(key)]
    assert.ok(fast !== undefined, 'this Node has the curve')
    assert.deepEqual(fast.publicKey, portable.publicKey)
    assert.deepEqual(new Uint8Array(fast.agree(other.publicKey)), portable.agree(other.publicKey))
    const fleeting = fleetingKey(key)
    assert.deepEqual(fleeting.publicKey, portable.publicKey)
    assert.deepEqual(fleeting.agree(other.publicKey), portable.agree(other.publicKey))
    assert.deepEqual(portable.agree(other.publicKey), other.agree(portable.publicKey))
  }
  for (const make of [platformKey, portableKey, fleetingKey]) {
    const key = make()
    assert.ok(key !== undefined)
    assert.throws(() => key.agree(new Uint8Array(65).fill(4)))
  }
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
