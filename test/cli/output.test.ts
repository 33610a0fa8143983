import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { openDatabase } from '../../src/archive/database/database.js'
import { envelopeAt } from '../archive/traffic.js'
import { tempDir } from '../node/temp-dir.js'
import { CLI, cleanEnv, fileThere, run, startNode } from './processes.js'

const FULL = existsSync('/dev/full') ? {} : { skip: 'this system has no /dev/full' }

/** Runs a command line of a shell, in which $CLI is the program; with what it exits, and what it says on stderr. */
async function shell(cwd: string, line: string): Promise<{ code: number; stderr: string }> {
  const env = { ...cleanEnv(), CLI: `${process.execPath} ${CLI}` }
  const options = { cwd, env, timeout: 60_000 }
  return promisify(execFile)('bash', ['-c', `set -o pipefail; ${line}`], options).then(
    ({ stderr }) => ({ code: 0, stderr }),
    ({ code, stderr }) => ({ code, stderr })
  )
}

/** A data dir with envelopes of more than a pipe holds. */
async function stored(cwd: string, t: Parameters<typeof startNode>[0]): Promise<void> {
  await (await startNode(t, cwd, ['--no-devp2p', '--no-admin'])).stop()
  const { archive, close } = await openDatabase(join(cwd, 'waku-data', 'database'), { check: false })
  const sent = Math.floor(Date.now() / 1000) - 3600
  await archive.append(
    Array.from({ length: 300 }, (_, i) => envelopeAt(sent + i, Uint8Array.of(1, 2, 3, 4), new Uint8Array(2000).fill(i)))
  )
  await close()
}

test('where nobody reads the output any more a command ends as SIGPIPE would end it, without a word', async t => {
  const cwd = tempDir(t)
  await stored(cwd, t)
  for (const line of ['$CLI help | true', '$CLI export | head -c 1'])
    assert.deepEqual(await shell(cwd, line), { code: 141, stderr: '' }, line)
})

test(
  'output that a full disk does not take is said to be missing, and what the command did stays done',
  FULL,
  async t => {
    const cwd = tempDir(t)
    await stored(cwd, t)
    for (const line of ['$CLI --version', '$CLI stats', '$CLI prune --before 2020-01-01', '$CLI export']) {
      const { code, stderr } = await shell(cwd, `${line} > /dev/full`)
      assert.equal(code, 1, line)
      assert.equal(
        stderr,
        'waku-mailserver: not all output could be written: the disk is full (ENOSPC); make room, or send it elsewhere\n',
        line
      )
    }
  }
)

test('a node whose own output has no room serves', FULL, async t => {
  const cwd = tempDir(t)
  const out = openSync('/dev/full', 'w')
  t.after(() => closeSync(out))
  const ready = join(cwd, 'ready')
  const quiet = ['--listen', '/ip4/127.0.0.1/tcp/0', '--no-devp2p', '--no-admin', '--ready-file', ready]
  const child = spawn(process.execPath, [CLI, 'start', ...quiet], {
    cwd,
    env: cleanEnv(),
    stdio: ['ignore', out, 'pipe']
  })
  t.after(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  await Promise.race([fileThere(ready), exit.then(([code]) => assert.fail(`it ended with ${code}`))])
  assert.equal((await run(t, ['stats'], { cwd })).code, 0)
  child.kill()
  assert.deepEqual(await exit, [0, null])
})
