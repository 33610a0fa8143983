import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tempDir } from '../node/temp-dir.js'
import { run, startNode } from './processes.js'

test('--archive-topics keeps some topics and confirms all; --max-ttl refuses what lives longer, with the reason [MAIL-05]', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd, ['--archive-topics', 'news,0x01020304', '--max-ttl', '30s'])
  const post = async (...args: string[]) => run(t, ['post', '--to', server.address, '--payload', 'x', ...args], { cwd })
  assert.equal((await post('--topic', 'news', '--ttl', '30s')).code, 0)
  assert.equal((await post('--topic', 'weather', '--ttl', '30s')).code, 0)
  const long = await post('--topic', 'news', '--ttl', '31s')
  assert.equal(long.code, 1)
  assert.match(long.stderr, /0 of 1 confirmed: the peer refused it: .*ttl/i)
  const stats = (await run(t, ['stats', '--json'], { cwd })).json()[0] as { archive: { envelopes: number } }
  assert.equal(stats.archive.envelopes, 1)
})

test('--min-pow is asked of envelopes and met by post; --request-pow is asked of requests and said by name', async t => {
  const cwd = tempDir(t)
  // so much that no envelope has it by chance
  const server = await startNode(t, cwd, ['--min-pow', '1', '--request-pow', '0.5'])
  const post = ['post', '--to', server.address, '--topic', 'news', '--payload', 'x', '--ttl', '10s']
  assert.equal((await run(t, post, { cwd })).code, 0)
  const low = await run(t, [...post, '--pow', '0.00001'], { cwd })
  assert.equal(low.code, 1)
  assert.match(low.stderr, /proof of work/)
  const request = ['request', '--server', server.address, '--password-file', 'waku-data/password', '--trust']
  const refused = await run(t, [...request, '--pow', '0.000001'], { cwd })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /proof of work/)
  const taken = await run(t, [...request, '--pow', '0.5'], { cwd })
  assert.equal(taken.code, 0, taken.stderr)
  assert.equal(taken.json().length, 1)
})

test('--require-signature peer takes the requests of the command line, which signs with its identity', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd, ['--require-signature', 'peer', '--password', 'shared'])
  assert.match(server.output(), /--password is seen by everyone/)
  const request = ['request', '--server', server.address, '--trust']
  const { code, stderr } = await run(t, request, { cwd, env: { WAKU_MAILSERVER_PASSWORD: 'shared' } })
  assert.equal(code, 0, stderr)
  assert.doesNotMatch(stderr, /seen by everyone/, 'the environment is not the command line')
})
