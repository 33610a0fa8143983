import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../node/temp-dir.js'
import { assertKept, CLI, cleanEnv, fileThere, run, startNode } from './processes.js'

/** Blocks of 512 bytes, or of 1024 where the shell counts so. */
const FILE_BLOCKS = 1024

test('when the disk takes no more the poster is told, the operator too, and nothing that was confirmed is lost', async t => {
  const cwd = tempDir(t)
  const ready = join(cwd, 'limited.json')
  const start = ['start', '--listen', '/ip4/127.0.0.1/tcp/0', '--no-devp2p', '--ready-file', ready]
  // a limit on the size of a file is as good as a full disk, and needs no other rights
  const shell = ['-c', `ulimit -f ${FILE_BLOCKS}; exec "$0" "$@"`, process.execPath, CLI, ...start]
  const child = spawn('sh', shell, { cwd, env: cleanEnv(), stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  await fileThere(ready)
  const address = JSON.parse(readFileSync(ready, 'utf8')).multiaddrs[0] as string
  const payload = 'x'.repeat(40_000)
  const post = ['post', '--to', address, '--topic', 'full', '--payload', payload, '--count', '60', '--json']
  const posted = await run(t, post, { cwd })
  assert.equal(posted.code, 1)
  const confirmed = posted.json().filter(line => line.confirmed === true)
  assert.ok(confirmed.length > 0 && confirmed.length < 60, `${confirmed.length} confirmed`)
  assert.match(stderr, /^waku-mailserver: envelopes cannot be stored and are refused: .*File too large/m)
  assert.equal(stderr.match(/cannot be stored/g)?.length, 1, 'said once')
  const limited = join(cwd, 'waku-data', 'password')
  const read = ['request', '--server', address, '--topics', 'full', '--password-file', limited, '--trust', '--json']
  const answered = await run(t, read, { cwd })
  assert.equal(answered.code, 0, `reading never depends on a write: ${answered.stderr}`)
  assert.equal(answered.json().filter(line => 'hash' in line).length, confirmed.length)
  child.kill('SIGTERM')
  await once(child, 'exit')

  const { address: server } = await startNode(t, cwd)
  await assertKept(t, server, { confirmed, topic: 'full', cwd })
})
