import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { cleanEnv, ended } from '../cli/processes.js'

test('the example runs in a bare process of this Node, though it imports libp2p before this package', async t => {
  const program = fileURLToPath(new URL('./bare-program.js', import.meta.url))
  const child = spawn(process.execPath, [program], { env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const { code, stdout, stderr } = await ended(child)
  assert.equal(code, 0, stderr)
  assert.equal(stdout, '1 peer\n')
})
