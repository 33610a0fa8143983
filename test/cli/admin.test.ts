import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { tempDir } from '../node/temp-dir.js'
import { type Ended, newDataDir, run, startNode } from './processes.js'

const PEER = '16Uiu2HAmTvN6CWRRTqKrVGDbvVh1wpUWiwdSxDGzVYCGPNFsB6Ro'
const OTHER = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'

/** The same commands, whether a node runs on the data dir or not. */
async function lookAfter(t: TestContext, cwd: string): Promise<void> {
  const ok = async (...args: string[]): Promise<Ended> => {
    const ended = await run(t, args, { cwd })
    assert.equal(ended.code, 0, ended.stderr)
    return ended
  }
  await ok('trust', 'add', PEER, '--label', 'home', '--expires', '30d', '--bytes', '100MiB')
  await ok('trust', 'add', `/ip4/127.0.0.1/tcp/1/p2p/${OTHER}`)
  const [trusted] = (await ok('trust', 'list', '--json')).json() as unknown as [Array<Record<string, unknown>>]
  assert.deepEqual(trusted.map(({ peer }) => peer).sort(), [OTHER, PEER])
  const home = trusted.find(({ peer }) => peer === PEER) ?? {}
  assert.equal(home.label, 'home')
  assert.equal(home.bytesPerDay, 104_857_600)
  assert.ok(Math.abs(Number(home.expires) - Date.now() / 1000 - 30 * 86_400) < 120)
  await ok('trust', 'remove', OTHER)
  assert.equal((await run(t, ['trust', 'remove', OTHER], { cwd })).code, 1, 'it was not on the list any more')
  assert.match((await ok('trust', 'list')).stdout, /home/)
  assert.match((await run(t, ['trust', 'add', PEER, '--expires', '2020-01-01'], { cwd })).stderr, /expire/)

  writeFileSync(join(cwd, 'secret'), 'alice and bob\n')
  await ok('keys', 'add', 'alice', '--password-file', 'secret', '--peer', PEER)
  assert.equal((await run(t, ['keys', 'add', 'alice', '--password-file', 'secret'], { cwd })).code, 1, 'it is taken')
  const [keys] = (await ok('keys', 'list', '--json')).json() as unknown as [Array<Record<string, unknown>>]
  const alice = keys.find(({ name }) => name === 'alice')
  assert.equal(alice?.peer, PEER)
  assert.deepEqual(Object.keys(alice ?? {}).sort(), ['added', 'name', 'peer'], 'never the key')
  await ok('keys', 'remove', 'alice')
  assert.doesNotMatch((await ok('keys', 'list')).stdout, /alice/)
  assert.equal((await run(t, ['keys', 'add', '../x', '--password-file', 'secret'], { cwd })).code, 2)
}

test('trust and keys are changed without a node', async t => {
  const cwd = tempDir(t)
  await newDataDir(join(cwd, 'waku-data'))
  await lookAfter(t, cwd)
})

test('trust and keys are changed in a running node through its control socket, and last', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  await lookAfter(t, cwd)
  await server.stop()
  assert.match((await run(t, ['trust', 'list'], { cwd })).stdout, new RegExp(PEER))
})

test('a key added while the node runs opens requests at once, and a removed one no longer', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  writeFileSync(join(cwd, 'secret'), 'of the club')
  const request = ['request', '--server', server.address, '--password-file', 'secret', '--trust']
  assert.equal((await run(t, request, { cwd })).code, 1)
  assert.equal((await run(t, ['keys', 'add', 'club', '--password-file', 'secret'], { cwd })).code, 0)
  const taken = await run(t, request, { cwd })
  assert.equal(taken.code, 0, taken.stderr)
  assert.equal((await run(t, ['keys', 'remove', 'club'], { cwd })).code, 0)
  assert.equal((await run(t, request, { cwd })).code, 1)
})

test('a server on the trust list of the client is asked without --trust, until it is removed [MAIL-26 MAIL-27 USE-02]', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const request = ['request', '--server', server.address, '--password-file', 'waku-data/password']
  const client = ['--data-dir', 'waku-data/client']
  assert.match((await run(t, request, { cwd })).stderr, /not trusted/)
  assert.equal((await run(t, ['trust', 'add', server.address, ...client], { cwd })).code, 0)
  const trusted = await run(t, request, { cwd })
  assert.equal(trusted.code, 0, trusted.stderr)
  assert.equal((await run(t, ['trust', 'remove', server.peerId, ...client], { cwd })).code, 0)
  assert.match((await run(t, request, { cwd })).stderr, /not trusted/)
})

test('stats count what came in, and prune deletes what is older, with and without a node', async t => {
  const cwd = tempDir(t)
  const server = await startNode(t, cwd)
  const posted = await run(
    t,
    ['post', '--to', server.address, '--topic', 'x', '--payload', 'y', '--count', '3', '--json'],
    { cwd }
  )
  const newest = Math.max(...posted.json().map(({ sent }) => Number(sent)))
  const stats = async (): Promise<Record<string, unknown>> => {
    const ended = await run(t, ['stats', '--json'], { cwd })
    return ended.json()[0]?.archive as Record<string, unknown>
  }
  const before = await stats()
  assert.deepEqual([before.envelopes, before.topics, before.newest, before.lastSeq], [3, 1, newest, 3])
  const kept = await run(t, ['prune', '--before', '1h', '--json'], { cwd })
  assert.equal(kept.json()[0]?.pruned, 0)
  await server.stop()
  const gone = await run(t, ['prune', '--before', `${newest + 1}`, '--json'], { cwd })
  assert.equal(gone.json()[0]?.pruned, 3, gone.stderr)
  const after = await stats()
  assert.deepEqual([after.envelopes, after.lastSeq], [0, 3], 'numbers go on')
})
