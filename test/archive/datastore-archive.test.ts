import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDatastore } from 'datastore-core'
import { LevelDatastore } from 'datastore-level'
import { Key } from 'interface-datastore'
import { DatastoreArchive } from '../../src/archive/datastore/datastore-archive.js'
import { conformance } from './conformance.js'
import { closedBy, temporaryDirectory } from './temporary.js'
import { envelopeAt } from './traffic.js'

await conformance(
  'datastore archive in memory',
  async () => {
    const datastore = new MemoryDatastore()
    return () => DatastoreArchive.open({ datastore })
  },
  { cases: 3000, seeds: [5] }
)

await conformance(
  'datastore archive on LevelDB',
  async t => {
    const directory = await temporaryDirectory(t)
    return async () => {
      const datastore = new LevelDatastore(directory)
      await datastore.open()
      const archive = await DatastoreArchive.open({ datastore })
      return closedBy(archive, async () => {
        await archive.close()
        await datastore.close()
      })
    }
  },
  { cases: 500, seeds: [6] }
)

const envelopes = (count: number) =>
  Array.from({ length: count }, (_, i) => envelopeAt(1_600_000_000 + i, new Uint8Array(4), new Uint8Array(i)))

test('a datastore archive refuses what goes beyond its size, and stores nothing of that batch', async () => {
  const archive = await DatastoreArchive.open({ datastore: new MemoryDatastore(), maxEnvelopes: 3 })
  const [a, b, c, d] = envelopes(4) as [never, never, never, never]
  await archive.append([a, b])
  await assert.rejects(archive.append([c, d]), { name: 'ArchiveFullError' })
  assert.equal((await archive.stats()).envelopes, 2)
  assert.deepEqual(await archive.append([a, c]), ['known', 'stored'])
})

test('a datastore archive leaves other records alone and refuses a format it does not know', async () => {
  const datastore = new MemoryDatastore()
  await datastore.put(new Key('/trust/peer'), Uint8Array.of(1))
  const archive = await DatastoreArchive.open({ datastore })
  await archive.append(envelopes(2))
  assert.equal(await archive.prune(2 ** 32), 2)
  assert.deepEqual(await datastore.get(new Key('/trust/peer')), Uint8Array.of(1))
  await datastore.put(new Key('/archive/state'), Uint8Array.of(0, 0, 0, 9))
  await assert.rejects(DatastoreArchive.open({ datastore }), { name: 'ArchiveFormatError', message: /format 9/ })
  await datastore.put(new Key('/archive/state'), Uint8Array.of(0, 0, 0, 1))
  await assert.rejects(DatastoreArchive.open({ datastore }), { name: 'ArchiveFormatError' })
})

const isArchiveError = (error: Error): boolean =>
  error.name === 'ArchiveError' && error.cause instanceof Error && error.cause.message === 'disk full'

test('a failed batch leaves a datastore archive as it is on disk, and a retry stores it', async () => {
  const datastore = new MemoryDatastore()
  const archive = await DatastoreArchive.open({ datastore })
  const [a, b] = envelopes(2) as [never, never]
  const batch = datastore.batch.bind(datastore)
  for (const halfDone of [false, true]) {
    datastore.batch = () => {
      const inner = batch()
      return {
        ...inner,
        put: inner.put.bind(inner),
        delete: inner.delete.bind(inner),
        commit: async () => {
          if (halfDone) await inner.commit()
          throw new Error('disk full')
        }
      }
    }
    await assert.rejects(archive.append([halfDone ? b : a]), isArchiveError)
    datastore.batch = batch
    assert.deepEqual(await archive.append([halfDone ? b : a]), [halfDone ? 'known' : 'stored'])
  }
  const { envelopes: count, lastSeq } = await archive.stats()
  assert.deepEqual([count, lastSeq], [2, 2])
})

test('a datastore that drops a batch without a word is found out: nothing of it counts as stored', async () => {
  let full = false
  class Forgetful extends MemoryDatastore {
    override batch() {
      const batch = super.batch()
      // as datastore-idb when the quota is exceeded
      return full ? { ...batch, commit: async () => {} } : batch
    }
  }
  const archive = await DatastoreArchive.open({ datastore: new Forgetful() })
  const [first, second] = [envelopes(3).slice(0, 2), envelopes(3).slice(2)]
  await archive.append(first)
  full = true
  await assert.rejects(archive.append(second), { name: 'ArchiveFullError' })
  full = false
  assert.deepEqual(await archive.append(second), ['stored'])
  assert.equal((await archive.stats()).envelopes, 3)
})
