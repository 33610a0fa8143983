import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Key } from 'interface-datastore'
import { findDataDir, openDataDir } from '../../src/node/data-dir/data-dir.js'
import { identityOf, loadIdentity } from '../../src/node/data-dir/identity.js'
import { writePrivateFile } from '../../src/node/data-dir/private-file.js'
import { openStore } from '../../src/node/data-dir/store.js'
import { namedPassword, ownPassword, readKeyFile, readPasswordFile } from '../../src/node/settings/secret.js'
import { tempDir } from './temp-dir.js'

const mode = (path: string): number => statSync(path).mode & 0o777

test('a data dir is made for its owner only, and so are identity and password', async t => {
  const dir = await openDataDir(join(tempDir(t), 'deep', 'data'))
  assert.equal(mode(dir.path), 0o700)
  assert.equal(dir.open, false)
  await loadIdentity(dir.identity)
  await ownPassword(dir)
  assert.equal(mode(dir.identity), 0o600)
  assert.equal(mode(dir.password), 0o600)
})

test('a data dir that others may read says so', async t => {
  const path = join(tempDir(t), 'data')
  mkdirSync(path, { mode: 0o755 })
  assert.equal((await openDataDir(path)).open, true)
})

test('a file in the place of the data dir is a clear error', async t => {
  const path = join(tempDir(t), 'data')
  writeFileSync(path, '')
  await assert.rejects(openDataDir(path), { name: 'DataDirError', message: /a file of that name/ })
  await assert.rejects(openDataDir(join(path, 'below')), { name: 'DataDirError' })
})

test('an identity is secp256k1, and the same one every time', async t => {
  const path = join(tempDir(t), 'identity')
  const keys = await Promise.all([loadIdentity(path), loadIdentity(path), loadIdentity(path)])
  const again = await loadIdentity(path)
  assert.equal(again.type, 'secp256k1')
  for (const key of keys) assert.ok(key.equals(again), 'also when several start at once')
})

test('a damaged identity is an error, and is never replaced', async t => {
  const path = join(tempDir(t), 'identity')
  for (const text of ['', 'hello', 'ab'.repeat(31), '00'.repeat(32), 'ff'.repeat(32)]) {
    writeFileSync(path, text)
    await assert.rejects(loadIdentity(path), { name: 'IdentityError' })
    assert.equal(readFileSync(path, 'utf8'), text)
  }
})

test('each new data dir has its own random password, kept from then on', async t => {
  const one = await ownPassword(await openDataDir(tempDir(t)))
  const dir = await openDataDir(tempDir(t))
  const two = await ownPassword(dir)
  assert.notEqual(one, two)
  assert.ok(two.length >= 32)
  assert.equal(await ownPassword(dir), two)
  assert.equal(await namedPassword({ password: 'named' }), 'named')
  assert.equal(await namedPassword({ 'password-file': dir.password }), two)
  await assert.rejects(namedPassword({ password: 'a', 'password-file': dir.password }), { name: 'ConfigError' })
})

test('a password file loses its last line break only, and an empty one is refused', async t => {
  const path = join(tempDir(t), 'secret')
  writeFileSync(path, ' pass word \r\n')
  assert.equal(await readPasswordFile(path), ' pass word ')
  for (const bytes of ['', '\n', Buffer.from([0xff, 0xfe]), 'x'.repeat(5000)]) {
    writeFileSync(path, bytes)
    await assert.rejects(readPasswordFile(path), { name: 'SecretError' })
  }
  await assert.rejects(readPasswordFile(join(path, 'none')), { name: 'SecretError' })
})

test('a key file holds 32 bytes, raw or in hex, and not all zero', async t => {
  const path = join(tempDir(t), 'key')
  const key = Uint8Array.from({ length: 32 }, (_, i) => i + 200)
  for (const bytes of [key, Buffer.from(key).toString('hex'), `0x${Buffer.from(key).toString('hex')}\n`]) {
    writeFileSync(path, bytes)
    assert.deepEqual(Uint8Array.from(await readKeyFile(path)), key)
  }
  for (const bytes of ['', 'ab'.repeat(31), new Uint8Array(32), new Uint8Array(33).fill(1)]) {
    writeFileSync(path, bytes)
    await assert.rejects(readKeyFile(path), { name: 'SecretError' })
  }
})

test('a private file is written whole and leaves no draft behind', async t => {
  const dir = tempDir(t)
  const path = join(dir, 'file')
  assert.equal(await writePrivateFile(path, 'one', { exclusive: true }), true)
  assert.equal(await writePrivateFile(path, 'two', { exclusive: true }), false)
  assert.equal(readFileSync(path, 'utf8'), 'one')
  assert.equal(await writePrivateFile(path, 'three'), true)
  assert.equal(readFileSync(path, 'utf8'), 'three')
  assert.deepEqual(readdirSync(dir), ['file'])
})

test('the archive is for its owner only, and what an earlier version left open is mended', async t => {
  const dir = await openDataDir(tempDir(t))
  mkdirSync(dir.database)
  chmodSync(dir.database, 0o755)
  writeFileSync(join(dir.database, 'LOG'), 'old', { mode: 0o644 })
  const before = process.umask(0o077)
  t.after(() => process.umask(before))
  const store = await openStore(dir)
  t.after(() => store.close())
  await store.datastore.put(new Key('/x'), Uint8Array.of(1))
  assert.equal(mode(dir.database), 0o700)
  const files = readdirSync(dir.database)
  assert.ok(files.length >= 4, files.join(' '))
  for (const name of files) assert.equal(mode(join(dir.database, name)), 0o600, name)
})

test('an archive whose identity is missing gets another one only when that is asked for', async t => {
  const dir = await openDataDir(tempDir(t))
  const first = await identityOf(dir)
  mkdirSync(dir.database)
  assert.ok((await identityOf(dir)).equals(first))
  rmSync(dir.identity)
  await assert.rejects(identityOf(dir), { name: 'IdentityError', message: /its identity is missing: .*--new-identity/ })
  assert.ok(!existsSync(dir.identity))
  const other = await identityOf(dir, { renew: true })
  assert.ok(!other.equals(first))
  assert.ok((await identityOf(dir, { renew: true })).equals(other), 'one that is there is never replaced')
})

test('what only looks after a data dir makes none', async t => {
  const path = join(tempDir(t), 'data')
  await assert.rejects(findDataDir(path), { name: 'DataDirError', message: /there is no data dir .*--data-dir/ })
  assert.ok(!existsSync(path))
  mkdirSync(path)
  await assert.rejects(findDataDir(path), { name: 'DataDirError', message: /neither identity nor archive/ })
  await loadIdentity((await openDataDir(path)).identity)
  assert.equal((await findDataDir(path)).path, path)
  await assert.rejects(findDataDir(join(path, 'identity')), { name: 'DataDirError', message: /a file of that name/ })
})
