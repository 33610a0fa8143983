import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Key } from 'interface-datastore'
import { openDatabase } from '../../src/archive/database/database.js'
import { tempDir } from '../node/temp-dir.js'
import { ended, launch, run, startNode } from './processes.js'

const PEER = '16Uiu2HAmTvN6CWRRTqKrVGDbvVh1wpUWiwdSxDGzVYCGPNFsB6Ro'
const QUIET = ['--no-devp2p', '--no-admin']

/** A data dir of a node that ended, and what a start there is refused with. */
async function stopped(t: TestContext) {
  const cwd = tempDir(t)
  const node = await startNode(t, cwd, QUIET)
  await node.stop()
  const file = (name: string): string => join(cwd, 'waku-data', name)
  const refused = async (what: RegExp): Promise<void> => {
    const { code, stderr } = await run(t, ['start', '--listen', '/ip4/127.0.0.1/tcp/0', ...QUIET], { cwd })
    assert.equal(code, 1, stderr)
    assert.match(stderr, what)
    assert.equal(stderr.trim().split('\n').length, 1, stderr)
  }
  return { cwd, peerId: node.peerId, file, refused }
}

test('an identity that is cut off, a folder, or that of another data dir is refused with what to do, and nothing is changed', async t => {
  const { cwd, peerId, file, refused } = await stopped(t)
  const identity = file('identity')
  const own = readFileSync(identity)
  writeFileSync(identity, own.subarray(0, 30))
  await refused(
    /identity holds no identity: .*; put the right file back, or move it away and start with --new-identity/
  )
  assert.deepEqual(readFileSync(identity), own.subarray(0, 30))
  rmSync(identity)
  mkdirSync(identity)
  await refused(/cannot read .*identity: it is a folder/)
  rmSync(identity, { recursive: true })
  writeFileSync(identity, `${'11'.repeat(32)}\n`)
  await refused(
    new RegExp(
      `identity is that of another data dir: .* belongs to ${peerId}: put the right file back, or start with --new-identity`
    )
  )
  const other = await startNode(t, cwd, [...QUIET, '--new-identity'])
  assert.notEqual(other.peerId, peerId)
  await other.stop()
  writeFileSync(identity, own)
  await refused(new RegExp(`belongs to ${other.peerId}`))
})

test('a password that was cut off to nothing is refused with what to do; a lock that is gone is made, one that is a folder is named', async t => {
  const { cwd, peerId, file, refused } = await stopped(t)
  const password = readFileSync(file('password'))
  writeFileSync(file('password'), '')
  await refused(
    /password holds no password: it is empty; put the right file back, or remove it, and a new password is made/
  )
  writeFileSync(file('password'), password)
  rmSync(file('database/LOCK'))
  mkdirSync(file('database/LOCK'))
  await refused(/cannot be opened: .*database\/LOCK: Is a directory/)
  rmSync(file('database/LOCK'), { recursive: true })
  const node = await startNode(t, cwd, QUIET)
  assert.equal(node.peerId, peerId)
  await node.stop()
})

test('a password that is gone is made anew, and said: clients have the old one', async t => {
  const { cwd, file } = await stopped(t)
  const old = readFileSync(file('password'), 'utf8')
  rmSync(file('password'))
  const node = await startNode(t, cwd, QUIET)
  assert.match(
    node.output(),
    /waku-mailserver: .*waku-data\/password was missing, and a new password was made: clients/
  )
  assert.notEqual(readFileSync(file('password'), 'utf8'), old)
  await node.stop()
  const again = await startNode(t, cwd, QUIET)
  assert.doesNotMatch(again.output(), /was missing/)
  await again.stop()
  const fresh = await startNode(t, join(cwd, 'waku-data'), QUIET)
  assert.doesNotMatch(fresh.output(), /was missing/, 'a new data dir')
  await fresh.stop()
})

test('records of the trust list and of used bytes that cannot be read trust nobody and keep nobody from starting; a command drops them', async t => {
  const { cwd, file } = await stopped(t)
  const command = (...args: string[]) => run(t, [...args], { cwd })
  const other = '16Uiu2HAmBUxHMsE5KGJMvAq6E8ZJbn4ivpAP5LLqRgV8GnNDdZPh'
  const { datastore, close } = await openDatabase(file('database'), { check: false })
  const spoiled = [
    `/trust/${PEER}`,
    '/trust/16Uiu2HAm~spoiled',
    '/trust/nobody',
    `/trust-bytes/${PEER}`,
    '/trust-bytes/x'
  ]
  for (const name of spoiled) await datastore.put(new Key(name), new TextEncoder().encode('{"added"'))
  await close()
  const node = await startNode(t, cwd, QUIET)
  assert.equal((await command('trust', 'list')).stdout.trim(), 'nobody is trusted')
  for (const name of [PEER, '16Uiu2HAm~spoiled', 'nobody'])
    assert.ok(node.output().includes(`"waku-mailserver trust remove ${name}" drops it`), node.output())
  const removed = await command('trust', 'remove', '16Uiu2HAm~spoiled')
  assert.equal(removed.code, 0, removed.stderr)
  await node.stop()
  // and where no node runs
  for (const name of [PEER, 'nobody']) assert.equal((await command('trust', 'remove', name)).code, 0, name)
  assert.equal((await command('trust', 'remove', other)).code, 1, 'was not there')
  const unknown = await command('trust', 'remove', 'nobody')
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /nobody/)
  assert.equal((await command('trust', 'add', PEER, '--bytes', '1KiB')).code, 0)
  const again = await startNode(t, cwd, QUIET)
  assert.doesNotMatch(again.output(), /cannot be read/)
  assert.match((await command('trust', 'list')).stdout, new RegExp(PEER))
  await again.stop()
})

test('a record of a key that cannot be read is refused with the command that drops it, and that command works', async t => {
  const { cwd, file, refused } = await stopped(t)
  const command = (...args: string[]) => run(t, [...args], { cwd })
  writeFileSync(join(cwd, 'key'), '11'.repeat(32))
  assert.equal((await command('keys', 'add', 'kept', '--key-file', 'key')).code, 0)
  const { datastore, close } = await openDatabase(file('database'), { check: false })
  await datastore.put(new Key('/keys/spoiled'), new TextEncoder().encode('{"added"'))
  await close()
  assert.equal((await command('stats')).code, 0, 'what looks after a data dir works')
  await refused(/the record of the key spoiled cannot be read: "waku-mailserver keys remove spoiled" drops it/)
  assert.equal((await command('keys', 'remove', 'spoiled')).code, 0)
  const node = await startNode(t, cwd, QUIET)
  assert.match((await command('keys', 'list')).stdout, /kept/)
  await node.stop()
})

/** What a ready file says, once that is something else than what was left there. */
async function readyBeside(path: string, left: string): Promise<{ peerId: string; pid: number }> {
  const signal = AbortSignal.timeout(60_000)
  const changes = watch(dirname(path))
  try {
    for (;;) {
      const text = existsSync(path) ? readFileSync(path, 'utf8') : left
      if (text !== left) return JSON.parse(text)
      await once(changes, 'change', { signal })
    }
  } finally {
    changes.close()
  }
}

test('a ready file of an earlier run that was spoiled, or cut off, is written anew', async t => {
  const { cwd, peerId } = await stopped(t)
  const ready = join(cwd, 'ready.json')
  for (const left of ['{"peerId":"16Ui', '\u0000'.repeat(400)]) {
    writeFileSync(ready, left)
    const child = launch(t, ['start', '--listen', '/ip4/127.0.0.1/tcp/0', ...QUIET, '--ready-file', ready], { cwd })
    const end = ended(child)
    const told = await readyBeside(ready, left)
    assert.deepEqual([told.peerId, told.pid], [peerId, child.pid])
    child.kill()
    assert.equal((await end).code, 0)
    assert.equal(existsSync(ready), false)
  }
})
