import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDatastore } from 'datastore-core'
import type { Archive } from '../../src/archive/archive.js'
import { DatastoreArchive } from '../../src/archive/datastore/datastore-archive.js'
import { importHandlers } from '../../src/node/control/import-handlers.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { envelopeAt } from '../archive/traffic.js'

const options = { signal: new AbortController().signal, report: () => {} }
const sent = Math.floor(Date.now() / 1000) - 3600
const batch = (n: number) => ({
  source: 'old',
  body: encodeMessages([envelopeAt(sent + n, new Uint8Array(4), Uint8Array.of(n)).raw]),
  mark: `${n}`
})

test('no mark of an import passes over a batch that was not stored, however far the next ones are', async () => {
  const archive = await DatastoreArchive.open({ datastore: new MemoryDatastore() })
  const datastore = new MemoryDatastore()
  let second: Promise<unknown> = Promise.resolve()
  let isFailing = true
  /** The first batch fails once the second is on disk. */
  const failing = new Proxy(archive, {
    get(target, name) {
      if (name !== 'append') return Reflect.get(target, name, target)
      return async (envelopes: Envelope[]) => {
        if (!isFailing || envelopes[0]?.sent !== sent + 1) return target.append(envelopes)
        await second
        throw new Error('the disk is full')
      }
    }
  }) as Archive
  const handlers = importHandlers({ archive: failing, datastore, rules: {} as never })
  const append = (n: number) => handlers['import.append']?.(batch(n), options) as Promise<unknown>
  const begin = async () => (await handlers['import.begin']?.({ source: 'old' }, options)) as { mark?: string }

  await append(0)
  second = new Promise(resolve => {
    const unwatch = archive.watch({
      appended: () => {
        unwatch()
        resolve(undefined)
      }
    })
  })
  const both = await Promise.allSettled([append(1), append(2)])
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected']
  )
  assert.equal((await archive.stats()).envelopes, 2, 'the second one is stored all the same')
  assert.equal((await begin()).mark, '0')

  isFailing = false
  await Promise.all([append(1), append(2)])
  assert.equal((await begin()).mark, '2')
  assert.equal((await archive.stats()).envelopes, 3)
  await archive.close()
})

test('nor does the mark of one that arrives only after the one before it failed, until the import begins again', async () => {
  const archive = await DatastoreArchive.open({ datastore: new MemoryDatastore() })
  let isFailing = true
  const failing = new Proxy(archive, {
    get(target, name) {
      if (name !== 'append') return Reflect.get(target, name, target)
      return async (envelopes: Envelope[]) => {
        if (isFailing) throw new Error('the disk is full')
        return target.append(envelopes)
      }
    }
  }) as Archive
  const handlers = importHandlers({ archive: failing, datastore: new MemoryDatastore(), rules: {} as never })
  const append = async (n: number) => handlers['import.append']?.(batch(n), options)
  const begin = async () => (await handlers['import.begin']?.({ source: 'old' }, options)) as { mark?: string }

  await begin()
  await assert.rejects(append(1))
  isFailing = false
  await assert.rejects(append(2))
  assert.equal((await begin()).mark, undefined)
  await append(1)
  await append(2)
  assert.equal((await begin()).mark, '2')
  assert.equal((await archive.stats()).envelopes, 2)
  await archive.close()
})
