import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDataDir } from '../../src/node/data-dir/data-dir.js'
import { adminTokenOf } from '../../src/node/operator/admin-token.js'
import { tempDir } from '../node/temp-dir.js'

const silent = (line: string): void => assert.fail(line)

test('a token is made once; a file that holds none is named with the remedy', async t => {
  const dir = await openDataDir(tempDir(t))
  const token = await adminTokenOf(dir, silent)
  assert.equal(readFileSync(dir.adminToken, 'utf8'), `${token}\n`)
  assert.equal(await adminTokenOf(dir, silent), token)
  writeFileSync(dir.adminToken, 'short')
  await assert.rejects(adminTokenOf(dir, silent), {
    name: 'SecretError',
    message: /remove that file, and a new one is made/
  })
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
