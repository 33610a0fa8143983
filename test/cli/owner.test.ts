import assert from 'node:assert/strict'
import { chownSync, linkSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Scope } from '../helpers/scope.js'
import { tempDir } from '../node/temp-dir.js'
import { newDataDir, run, startNode } from './processes.js'

const skip = (process.platform !== 'linux' || process.getuid?.() !== 0) && 'needs root, on Linux'

/** The user that a node runs as; nobody need be called so. */
const OWNER = 62_000

test('what root does to the data dir of another user leaves it to that user', { skip }, async t => {
  const { cwd, dir } = await dirOfAnother(t)
  const peer = peerIdFromPrivateKey(await generateKeyPair('secp256k1')).toString()
  for (const command of [
    ['stats'],
    ['trust', 'add', peer],
    ['prune', '--before', '2001-01-01'],
    ['repair'],
    ['verify']
  ]) {
    const { code, stderr } = await run(t, [...command, '--data-dir', dir], { cwd })
    assert.equal(code, 0, stderr)
    assert.deepEqual(ownersOf(dir), [OWNER], command.join(' '))
  }
  const backup = join(cwd, 'backup')
  const restored = join(cwd, 'restored')
  mkdirSync(restored)
  chownSync(restored, OWNER, OWNER)
  for (const command of [
    ['backup', '--output', backup, '--data-dir', dir],
    ['restore', backup, '--data-dir', restored]
  ]) {
    const { code, stderr } = await run(t, command, { cwd })
    assert.equal(code, 0, stderr)
  }
  assert.deepEqual([lstatSync(restored).uid, ...ownersOf(restored)], [OWNER, OWNER])
  const node = await startNode(t, cwd, ['--data-dir', dir])
  assert.equal(await node.stop(), 0)
  assert.deepEqual(ownersOf(dir), [OWNER])
  assert.ok(readdirSync(dir).includes('password'))
})

test('root gives away nothing that only looks like a part of the data dir', { skip }, async t => {
  const { cwd, dir } = await dirOfAnother(t)
  const secret = join(cwd, 'secret')
  writeFileSync(secret, 'of root')
  linkSync(secret, join(dir, 'second-name'))
  symlinkSync(secret, join(dir, 'link'))
  symlinkSync(cwd, join(dir, 'folder'))
  writeFileSync(join(dir, 'of-a-third'), '')
  chownSync(join(dir, 'of-a-third'), OWNER + 1, OWNER + 1)
  const { code, stderr } = await run(t, ['stats', '--data-dir', dir], { cwd })
  assert.equal(code, 0, stderr)
  assert.equal(lstatSync(secret).uid, 0)
  assert.equal(lstatSync(cwd).uid, 0)
  assert.equal(lstatSync(join(dir, 'of-a-third')).uid, OWNER + 1)
})

async function dirOfAnother(t: Scope): Promise<{ cwd: string; dir: string }> {
  const cwd = tempDir(t)
  const dir = join(cwd, 'data')
  await newDataDir(dir)
  chownSync(dir, OWNER, OWNER)
  for (const name of readdirSync(dir)) chownSync(join(dir, name), OWNER, OWNER)
  return { cwd, dir }
}

function ownersOf(folder: string): number[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return [...new Set(names.map(name => lstatSync(join(folder, name)).uid))]
}
