import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDataDir } from '../../src/node/data-dir/data-dir.js'
import { adminTokenOf } from '../../src/node/operator/admin-token.js'
import { tempDir } from '../node/temp-dir.js'

const silent = (line: string): void => assert.fail(line)

test('a token is made once, and anew, with a notice, where the file holds none', async t => {
  const dir = await openDataDir(tempDir(t))
  const token = await adminTokenOf(dir, silent)
  assert.equal(readFileSync(dir.adminToken, 'utf8'), `${token}\n`)
  assert.equal(await adminTokenOf(dir, silent), token)
  for (const spoiled of ['', 'short', '\n', `${token}${token}`, new Uint8Array(43).fill(0xe9), new Uint8Array(4096)]) {
    writeFileSync(dir.adminToken, spoiled)
    const said: string[] = []
    const made = await adminTokenOf(dir, line => said.push(line))
    assert.match(made, /^[\w-]{43}$/)
    assert.notEqual(made, token)
    assert.equal(readFileSync(dir.adminToken, 'utf8'), `${made}\n`)
    assert.match(said.join(), /admin-token held no token: a new one was made/)
    assert.equal(await adminTokenOf(dir, silent), made)
  }
})

test('a folder in place of the token keeps no node from starting', async t => {
  const dir = await openDataDir(tempDir(t))
  mkdirSync(dir.adminToken)
  const said: string[] = []
  assert.match(await adminTokenOf(dir, line => said.push(line)), /^[\w-]{43}$/)
  assert.match(said.join(), /cannot write .*admin-token \(EISDIR\): only the probes/)
})

test('where it cannot be kept the node serves all the same, and says so', async t => {
  const folder = join(tempDir(t), 'data')
  const dir = await openDataDir(folder)
  rmSync(folder, { recursive: true })
  const said: string[] = []
  assert.match(await adminTokenOf(dir, line => said.push(line)), /^[\w-]{43}$/)
  assert.match(said[0] ?? '', /cannot write .*admin-token \(ENOENT\): only the probes/)
  mkdirSync(folder)
})
