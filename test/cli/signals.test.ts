import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { tempDir } from '../node/temp-dir.js'
import { assertKept, ended, launch, run, startNode } from './processes.js'

test('SIGTERM under load ends the node with 0, and everything that was confirmed is there afterwards', async t => {
  const cwd = tempDir(t)
  const first = await startNode(t, cwd)
  const post = launch(
    t,
    ['post', '--to', first.address, '--topic', 'x', '--payload', 'y', '--count', '20000', '--json'],
    { cwd }
  )
  const posting = ended(post)
  if (post.stdout === null) assert.fail('no output')
  await once(post.stdout, 'data') // it is well under way
  await once(post.stdout, 'data')
  assert.equal(await first.stop(), 0)
  const { code, json } = await posting
  assert.equal(code, 1, 'not all of it was confirmed')
  const confirmed = json().filter(line => line.confirmed === true)
  assert.ok(confirmed.length > 0 && confirmed.length < 20_000, `${confirmed.length} confirmed`)

  const second = await startNode(t, cwd)
  await assertKept(t, second.address, { confirmed, topic: 'x', cwd })
  await second.stop()
})

/** Lasts longer once a command is done, as what is left of a library may. */
const LEFT_OVER = `process.on('SIGTERM', () => {
  const look = setInterval(() => {
    if (process.exitCode === undefined) return
    clearInterval(look)
    setTimeout(() => process.stdout.write('waited for a timer'), 4000)
  }, 5)
})`

test('a node that stopped ends at once, whatever timers are left', async t => {
  const hook = `--import data:text/javascript,${encodeURIComponent(LEFT_OVER)}`
  const node = await startNode(t, tempDir(t), [], { NODE_OPTIONS: hook })
  assert.equal(await node.stop(), 0)
  assert.doesNotMatch(node.output(), /waited for a timer/)
})

test('a command that is interrupted says so and fails', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const post = launch(t, ['post', '--to', server.address, '--topic', 'x', '--payload', 'y', '--count', '20000'], {
    cwd
  })
  const posting = ended(post)
  if (post.stdout === null) assert.fail('no output')
  await once(post.stdout, 'data')
  post.kill('SIGINT')
  const { code, stderr } = await posting
  assert.equal(code, 130)
  assert.match(stderr, /interrupted/)
})

test('a reader that goes away ends a request quietly', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const big = 'y'.repeat(20_000)
  const posted = await run(t, ['post', '--to', server.address, '--topic', 'x', '--count', '60'], { cwd, input: big })
  assert.equal(posted.code, 0, posted.stderr)
  const request = ['request', '--server', server.address, '--password-file', 'waku-data/password', '--trust', '--raw']
  const child = launch(t, request, { cwd })
  let stderr = ''
  child.stderr?.on('data', text => {
    stderr += text
  })
  if (child.stdout === null) assert.fail('no output')
  await once(child.stdout, 'data')
  child.stdout.destroy()
  const [code] = await once(child, 'exit', { signal: AbortSignal.timeout(30_000) })
  assert.equal(code, 141)
  assert.equal(stderr, '')
})

test('a payload of another size than an envelope takes is refused before anything is sent', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const input = new Uint8Array(1024 * 1024)
  const { code, stderr } = await run(t, ['post', '--to', server.address, '--topic', 'x'], { cwd, input })
  assert.equal(code, 1)
  assert.match(stderr, /a payload is at most \d+ bytes/)
})
