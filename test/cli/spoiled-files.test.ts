import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Key } from 'interface-datastore'
import { openDatabase } from '../../src/archive/database/database.js'
import { tempDir } from '../node/temp-dir.js'
import { run, startNode } from './processes.js'

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

test('a record of the trust list or of a key that cannot be read is refused with the command that drops it, and that command works', async t => {
  const { cwd, file, refused } = await stopped(t)
  const command = (...args: string[]) => run(t, [...args], { cwd })
  writeFileSync(join(cwd, 'key'), '11'.repeat(32))
  assert.equal((await command('keys', 'add', 'kept', '--key-file', 'key')).code, 0)
  const { datastore, close } = await openDatabase(file('database'), { check: false })
  for (const name of [`/trust/${PEER}`, '/keys/spoiled'])
    await datastore.put(new Key(name), new TextEncoder().encode('{"added"'))
  await close()
  await refused(/"waku-mailserver (trust|keys) remove/)
  assert.equal((await command('stats')).code, 0, 'what looks after a data dir works')
  const trust = await command('trust', 'remove', PEER)
  assert.equal(trust.code, 0, trust.stderr)
  await refused(/the record of the key spoiled cannot be read: "waku-mailserver keys remove spoiled" drops it/)
  assert.equal((await command('keys', 'remove', 'spoiled')).code, 0)
  const node = await startNode(t, cwd, QUIET)
  assert.match((await command('keys', 'list')).stdout, /kept/)
  await node.stop()
})
