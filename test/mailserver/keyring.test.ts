import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MemoryDatastore } from 'datastore-core'
import { LevelDatastore } from 'datastore-level'
import { Key } from 'interface-datastore'
import { Keyring } from '../../src/mailserver/keyring.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { silentLogger } from '../helpers/logger.js'
import { aPeer } from './fixture.js'

const logger = silentLogger()
const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

function memoryKeyring(): Keyring {
  return new Keyring({ datastore: new MemoryDatastore(), logger })
}

async function diskStore(t: TestContext): Promise<LevelDatastore> {
  const dir = await mkdtemp(join(tmpdir(), 'keyring-'))
  const datastore = new LevelDatastore(dir)
  await datastore.open()
  t.after(async () => {
    await datastore.close()
    await rm(dir, { recursive: true, force: true })
  })
  return datastore
}

test('keys are there again after a restart, until they are removed', async t => {
  const datastore = await diskStore(t)
  const peer = await aPeer()
  const before = new Keyring({ datastore, logger, now: () => 1_700_000_000 })
  await before.add('everyone', key(1))
  await before.add('one', key(2), { peer })
  await before.add('old', key(3))
  assert.equal(await before.remove('old'), true)
  assert.equal(await before.remove('old'), false)

  const after = new Keyring({ datastore, logger })
  await after.load()
  assert.deepEqual(after.list(), [
    { name: 'everyone', added: 1_700_000_000 },
    { name: 'one', peer: peer.toString(), added: 1_700_000_000 }
  ])
  assert.deepEqual(after.keysFor(await aPeer()), [key(1)])
  assert.deepEqual(after.keysFor(peer), [key(2)])
})

test('a peer that has keys of its own is tried with no other', async () => {
  const keyring = memoryKeyring()
  const [bound, other] = [await aPeer(), await aPeer()]
  await keyring.add('shared', key(1))
  await keyring.add('bound', key(2), { peer: bound })
  await keyring.add('bound too', key(3), { peer: bound }).catch(() => {})
  await keyring.add('bound-too', key(3), { peer: bound })
  assert.deepEqual(keyring.keysFor(bound), [key(2), key(3)])
  assert.deepEqual(keyring.keysFor(other), [key(1)])
  await keyring.remove('bound')
  await keyring.remove('bound-too')
  assert.deepEqual(keyring.keysFor(bound), [key(1)])
})

test('a password is derived once, when it is added', async () => {
  const keyring = memoryKeyring()
  await keyring.addPassword('main', 'status-offline-inbox')
  const [derived] = keyring.keysFor(await aPeer())
  assert.deepEqual(derived, await keyFromPassword('status-offline-inbox'))
  assert.equal(keyring.keysFor(await aPeer())[0], derived)
})

test('at most 16 keys are tried for anybody', async () => {
  const keyring = memoryKeyring()
  const peer = await aPeer()
  for (let i = 1; i <= 16; i++) {
    await keyring.add(`shared-${i}`, key(i))
    await keyring.add(`bound-${i}`, key(i), { peer })
  }
  await assert.rejects(keyring.add('shared-17', key(17)), { name: 'KeyringError' })
  assert.throws(() => keyring.lend('lent-17', key(17)), { name: 'KeyringError' })
  await assert.rejects(keyring.add('bound-17', key(17), { peer }), { name: 'KeyringError' })
  assert.equal(keyring.keysFor(peer).length, 16)
  assert.equal(keyring.keysFor(await aPeer()).length, 16)
})

test('a lent key is tried and not written', async t => {
  const datastore = await diskStore(t)
  const keyring = new Keyring({ datastore, logger })
  keyring.lend('password', key(1))
  assert.deepEqual(keyring.keysFor(await aPeer()), [key(1)])
  const after = new Keyring({ datastore, logger })
  await after.load()
  assert.deepEqual(after.list(), [])
})

test('bad names, bad keys and taken names change nothing', async () => {
  const keyring = memoryKeyring()
  for (const name of ['', 'a/b', '.hidden', 'ä', 'x'.repeat(65)]) {
    await assert.rejects(keyring.add(name, key(1)), { name: 'KeyringError' }, name)
  }
  for (const bad of [new Uint8Array(31), new Uint8Array(32)]) {
    await assert.rejects(keyring.add('name', bad), { name: 'KeyringError' })
  }
  await assert.rejects(keyring.addPassword('name', ''), { name: 'KeyringError' })
  await keyring.add('name', key(1))
  await assert.rejects(keyring.add('name', key(2)), { name: 'KeyExistsError' })
  assert.deepEqual(keyring.keysFor(await aPeer()), [key(1)])
})

test('a record that cannot be read is a typed error that does not quote the key', async () => {
  const datastore = new MemoryDatastore()
  await datastore.put(new Key('/keys/main'), new TextEncoder().encode(`{"key":"${'ab'.repeat(31)}"}`))
  await assert.rejects(new Keyring({ datastore, logger }).load(), (error: Error) => {
    assert.equal(error.name, 'KeyRecordError')
    assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /abab/)
    return true
  })
})
