import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { tempDir } from '../node/temp-dir.js'
import { cleanEnv, ended } from './processes.js'

test('the demo tells the whole story', async t => {
  const demo = fileURLToPath(new URL('../../scripts/demo.js', import.meta.url))
  const child = spawn(process.execPath, [demo], { cwd: tempDir(t), env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const { code, stdout, stderr } = await ended(child)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /confirmed[\s\S]*not trusted[\s\S]*"text":"the bridge is open"[\s\S]*that is all/)
})
