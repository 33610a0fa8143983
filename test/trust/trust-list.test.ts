import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { ComponentLogger, Logger, PeerId } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { LevelDatastore } from 'datastore-level'
import { Key } from 'interface-datastore'
import { type TrustChange, TrustList, type TrustListInit } from '../../src/trust/trust-list.js'

const HOUR = 3600

async function aPeer(): Promise<PeerId> {
  return peerIdFromPrivateKey(await generateKeyPair('secp256k1'))
}

async function dataDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'trust-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** A list on a real database, with a clock that stands still until told. */
async function openList(dir: string, init: Partial<TrustListInit> = {}) {
  const datastore = new LevelDatastore(dir)
  await datastore.open()
  const clock = { now: 1_700_000_000 }
  const list = new TrustList({ datastore, logger: defaultLogger(), now: () => clock.now, ...init })
  await list.load()
  return {
    list,
    clock,
    datastore,
    close: async () => {
      await list.close()
      await datastore.close()
    }
  }
}

test('a trusted peer stays trusted across a restart, until it is removed [D-09]', async t => {
  const dir = await dataDir(t)
  const [kept, removed, stranger] = [await aPeer(), await aPeer(), await aPeer()]
  const first = await openList(dir)
  await first.list.add(kept, { label: 'my server' })
  await first.list.add(removed)
  assert.equal(await first.list.remove(removed), true)
  assert.equal(await first.list.remove(removed), false)
  await first.close()

  const second = await openList(dir)
  t.after(second.close)
  assert.equal(second.list.has(kept), true)
  assert.equal(second.list.has(removed), false)
  assert.equal(second.list.has(stranger), false)
  assert.deepEqual(second.list.list(), [{ peer: kept.toString(), label: 'my server', added: 1_700_000_000 }])
})

test('nobody is trusted unless put on the list [MAIL-27]', async t => {
  const { list, close } = await openList(await dataDir(t))
  t.after(close)
  assert.equal(list.has(await aPeer()), false)
  assert.equal(list.spend(await aPeer(), 1), false)
})

test('trust ends at its expiry, the entry stays to be seen', async t => {
  const { list, clock, close } = await openList(await dataDir(t))
  t.after(close)
  const peer = await aPeer()
  await list.add(peer, { expires: clock.now + 60 })
  clock.now += 59
  assert.equal(list.has(peer), true)
  clock.now += 1
  assert.equal(list.has(peer), false)
  assert.equal(list.spend(peer, 0), false)
  assert.equal(list.get(peer)?.expires, clock.now)
})

test('a byte budget holds for any 24 hours and is kept across restarts', async t => {
  const dir = await dataDir(t)
  const peer = await aPeer()
  const first = await openList(dir)
  await first.list.add(peer, { bytesPerDay: 1000 })
  assert.equal(first.list.spend(peer, 600), true)
  assert.equal(first.list.spend(peer, 401), false)
  assert.equal(first.list.used(peer), 600, 'what was refused costs nothing')
  assert.equal(first.list.spend(peer, 400), true)
  await first.close()

  const second = await openList(dir)
  t.after(second.close)
  assert.equal(second.list.spend(peer, 1), false)
  second.clock.now += 23 * HOUR
  assert.equal(second.list.spend(peer, 1), false)
  second.clock.now += 2 * HOUR
  assert.equal(second.list.spend(peer, 1000), true)
})

test('used bytes are written without a close', async t => {
  const { list, datastore, close } = await openList(await dataDir(t), { writeDelay: 1 })
  t.after(close)
  const peer = await aPeer()
  await list.add(peer, { bytesPerDay: 1000 })
  const written = new Promise<Uint8Array>(resolve => {
    const put = datastore.put.bind(datastore)
    datastore.put = async (key, value, options) => {
      const result = await put(key, value, options)
      resolve(value)
      return result
    }
  })
  list.spend(peer, 10)
  list.spend(peer, 20)
  const [[, bytes]] = JSON.parse(new TextDecoder().decode(await written))
  assert.equal(bytes, 30)
})

test('used bytes of a removed peer count when it comes back', async t => {
  const { list, close } = await openList(await dataDir(t))
  t.after(close)
  const peer = await aPeer()
  await list.add(peer, { bytesPerDay: 100 })
  list.spend(peer, 90)
  await list.remove(peer)
  await list.add(peer, { bytesPerDay: 100 })
  assert.equal(list.spend(peer, 11), false)
})

test('changes are announced', async t => {
  const { list, close } = await openList(await dataDir(t))
  t.after(close)
  const peer = await aPeer()
  const changes: TrustChange[] = []
  list.addEventListener('change', event => changes.push(event.detail))
  await list.add(peer)
  await list.remove(peer)
  assert.deepEqual(changes, [
    { peer: peer.toString(), trusted: true },
    { peer: peer.toString(), trusted: false }
  ])
})

test('an option out of range changes nothing', async t => {
  const { list, clock, close } = await openList(await dataDir(t))
  t.after(close)
  const peer = await aPeer()
  for (const options of [
    { expires: clock.now },
    { expires: Number.NaN },
    { bytesPerDay: -1 },
    { bytesPerDay: 1.5 },
    { bytesPerDay: Number.POSITIVE_INFINITY }
  ]) {
    await assert.rejects(list.add(peer, options), { name: 'TrustEntryError' })
  }
  assert.equal(list.has(peer), false)
})

test('a change that cannot be written is not made', async t => {
  const { list, datastore, close } = await openList(await dataDir(t))
  t.after(close)
  const [kept, added] = [await aPeer(), await aPeer()]
  await list.add(kept)
  const fails = async (): Promise<never> => {
    throw new Error('the disk is full')
  }
  const { put, delete: remove } = datastore
  datastore.put = fails
  datastore.delete = fails
  await assert.rejects(list.add(added), /disk is full/)
  await assert.rejects(list.remove(kept), /disk is full/)
  assert.equal(list.has(added), false)
  assert.equal(list.has(kept), true)
  datastore.put = put
  datastore.delete = remove
  await list.add(added)
  assert.equal(list.has(added), true, 'a failed change does not hold up the next')
})

test('a record that cannot be read trusts nobody, is told with what to do, and can be removed', async t => {
  const dir = await dataDir(t)
  const peer = await aPeer()
  for (const [key, value] of [
    [`/trust/${peer}`, '{"added":"yesterday"}'],
    ['/trust/nobody', '{"added":1}'],
    [`/trust-bytes/${peer}`, '[[1]]']
  ] as const) {
    const { datastore, close } = await openList(dir)
    await datastore.put(new Key(key), new TextEncoder().encode(value))
    const list = new TrustList({ datastore, logger: defaultLogger() })
    await list.load()
    assert.deepEqual(list.list(), [], key)
    if (key.startsWith('/trust-bytes/')) assert.equal(await datastore.has(new Key(key)), false)
    else {
      const name = key.slice('/trust/'.length)
      assert.match(list.unreadable.join(), new RegExp(`record of ${name} cannot be read.*trust remove ${name}`))
      assert.equal(await list.remove(name), true)
      assert.equal(await datastore.has(new Key(key)), false)
    }
    await close()
  }
})

test('neither a peer nor its label is logged at the default level', async t => {
  const lines: string[] = []
  const line = (format: unknown, ...args: unknown[]): void => {
    lines.push([format, ...args].map(String).join(' '))
  }
  const log = Object.assign(line, {
    error: line,
    trace: () => {},
    enabled: true,
    newScope: () => log
  }) as unknown as Logger
  const logger: ComponentLogger = { forComponent: () => log }
  const { list, close } = await openList(await dataDir(t), { logger })
  t.after(close)
  const peer = await aPeer()
  await list.add(peer, { label: 'secret friend', bytesPerDay: 1 })
  list.spend(peer, 5)
  await list.remove(peer)
  assert.equal(lines.length, 2)
  assert.doesNotMatch(lines.join('\n'), new RegExp(`${peer.toString()}|secret`))
})
