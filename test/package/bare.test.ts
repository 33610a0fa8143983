import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cleanEnv, ended } from '../cli/processes.js'

/** Runs an example as a reader of the README does: nothing is imported before it. */
function run(t: TestContext, name: string, ...args: string[]): ChildProcess {
  const program = fileURLToPath(new URL(`../examples/${name}.js`, import.meta.url))
  const child = spawn(process.execPath, [program, ...args], { env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

test('the programs of the README serve, send and read in bare processes of this Node', async t => {
  const server = run(t, 'embed')
  const [address] = await new Promise<string[]>((resolve, reject) => {
    server.stdout?.once('data', data => resolve(String(data).split('\n')))
    server.once('exit', () => reject(new Error('the server ended')))
  })
  const sent = await ended(run(t, 'send', address ?? ''))
  assert.equal(sent.stdout, 'it is on the disk of the server\n', sent.stderr)
  await delay(3_000) // past its ttl
  const got = await ended(run(t, 'read', address ?? ''))
  assert.equal(got.code, 0, got.stderr)
  assert.match(got.stdout, /^\d{10} the bridge is open\n$/)
})

test('the mailbox of the README sends, and reads past the TTL what it sent, once, and that it is all', async t => {
  const server = run(t, 'embed')
  const [address] = await new Promise<string[]>((resolve, reject) => {
    server.stdout?.once('data', data => resolve(String(data).split('\n')))
    server.once('exit', () => reject(new Error('the server ended')))
  })
  for (const [text, expected] of [
    ['the bridge is open', 'the bridge is open\ncomplete\n'],
    ['and closed again', 'the bridge is open\nand closed again\ncomplete\n']
  ] as const) {
    const got = await ended(run(t, 'mailbox', address ?? '', text))
    assert.deepEqual([got.code, got.stdout], [0, expected], got.stderr)
  }
})

test('the mailbox of the README says why it goes on waiting: nobody is there', async t => {
  const nobody = '/ip4/127.0.0.1/tcp/1/p2p/16Uiu2HAmTvN6CWRRTqKrVGDbvVh1wpUWiwdSxDGzVYCGPNFsB6Ro'
  const reader = run(t, 'mailbox', nobody)
  const said = await new Promise<string>((resolve, reject) => {
    reader.stderr?.once('data', data => resolve(String(data)))
    reader.once('exit', () => reject(new Error('it ended')))
  })
  assert.match(said, /ECONNREFUSED/)
})
