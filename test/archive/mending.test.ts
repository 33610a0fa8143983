import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ArchiveEnd } from '../../src/archive/archive.js'
import type { LevelStore } from '../../src/archive/database/level-store.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import { readSequence } from './comparison.js'
import { temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

const ALL = { lower: 0, upper: MAX_UINT32, limit: Number.POSITIVE_INFINITY }

/** How much a page says cannot be delivered. */
async function damagedOf(page: AsyncGenerator<unknown, ArchiveEnd>): Promise<number | undefined> {
  for (;;) {
    const { done, value } = await page.next()
    if (done) return value.damaged
  }
}

test('from when a part of a table was lost until all was looked through, every answer says that something may be missing', async t => {
  const db = await temporaryLevel(t)
  const repairing = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  let isRepairing = false
  const store: LevelStore = {
    async batch(operations, options) {
      if (isRepairing) await asked.promise
      return db.batch(operations, options)
    },
    getMany: keys => db.getMany(keys),
    compactRange: (start, end) => db.compactRange(start, end),
    iterator: options => db.iterator(options),
    checkFiles: async () => 1,
    mendFiles: async () => ({ restored: 0, lost: 1, unreadable: false, loose: [] }),
    settled() {
      isRepairing = true
      repairing.resolve()
    }
  }
  const archive = await LevelArchive.open({ db: store })
  const envelopes = [1, 2, 3].map(i => envelopeAt(1_600_041_600 + i, Uint8Array.of(1, 1, 1, 1), Uint8Array.of(i)))
  await archive.append(envelopes)
  const topics = [Uint8Array.of(1, 1, 1, 1)]
  const damaged = async () => [
    await damagedOf(archive.query(ALL)),
    await damagedOf(archive.query({ ...ALL, topics })),
    (await readSequence(archive, { ...ALL, after: 0 })).end.damaged
  ]
  const size = () => archive.size({ lower: 0, upper: MAX_UINT32 })
  assert.deepEqual(await damaged(), [undefined, undefined, undefined])
  const checking = archive.checkFiles({})
  await repairing.promise
  assert.deepEqual(await damaged(), [1, 1, 1])
  await assert.rejects(size(), { name: 'ArchiveDamagedError', message: /before it is mended, which is under way/ })
  asked.resolve()
  await checking
  assert.deepEqual(await damaged(), [undefined, undefined, undefined])
  assert.equal((await size()).envelopes, 3)
  await archive.close()
})
