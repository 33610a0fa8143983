import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LevelStore } from '../../src/archive/database/level-store.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import { blocksFinished } from './blocks-finished.js'
import { readSequence } from './comparison.js'
import { FaultyStore } from './faulty-store.js'
import { temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

const ALL = { lower: 0, upper: MAX_UINT32, limit: Number.POSITIVE_INFINITY, after: 0 }
const SIZE = 64

const envelopes = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    envelopeAt(1_600_041_600 + i, Uint8Array.of(1, 1, 1, i % 3), Uint8Array.of(i))
  )

test('while the disk is asked what a failed write left there, who catches up is told all that is counted', async t => {
  const store = new FaultyStore(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store, blockSize: SIZE })
  const list = envelopes(20)
  await archive.append(list.slice(0, 10))
  store.writes = 'fail afterwards'
  await assert.rejects(archive.append(list.slice(10)))
  store.writes = 'succeed'
  const asked: ReturnType<typeof readSequence>[] = []
  store.onRead = () => {
    if (asked.length < 20) asked.push(readSequence(archive, { ...ALL, after: 10 }))
  }
  assert.deepEqual(await archive.append(list.slice(10)), Array(10).fill('known'))
  assert(asked.length > 1)
  for (const { rows, end } of await Promise.all(asked)) assert.equal(rows.length, end.seq - 10)
  await archive.close()
})

test('what was read of a block before a repair mended it is not kept for those who ask afterwards', async t => {
  const db = await temporaryLevel(t)
  const list = envelopes(2 * SIZE) // as many blocks as are kept
  const first = await LevelArchive.open({ db, blockSize: SIZE })
  await first.append(list)
  await blocksFinished(db, first, 2)
  await first.close()
  const [entry] = list.map(({ sent, hash, topicNumber: topic }) => ({ sent, hash, topic })) as [layout.Entry]
  await db.batch([{ type: 'del', key: layout.envelopeKey(entry) }], { sync: true })
  const read = Promise.withResolvers<void>()
  const repaired = Promise.withResolvers<void>()
  let isHeld = false
  const slow: LevelStore = {
    batch: (operations, options) => db.batch(operations, options),
    getMany: keys => db.getMany(keys),
    compactRange: (start, end) => db.compactRange(start, end),
    iterator: options => {
      const iterator = db.iterator(options)
      if (!isHeld || ('gte' in options ? options.gte : options.gt)[3] !== 0x70) return iterator
      isHeld = false
      return {
        nextv: async size => {
          const entries = await iterator.nextv(size)
          read.resolve()
          await repaired.promise
          return entries
        },
        seek: target => iterator.seek(target),
        close: () => iterator.close()
      }
    }
  }
  const archive = await LevelArchive.open({ db: slow, blockSize: SIZE })
  isHeld = true
  const early = readSequence(archive, ALL)
  await read.promise
  await archive.repair()
  repaired.resolve()
  await early
  const slices = archive.sequence(ALL)
  let step = await slices.next()
  while (step.done !== true) step = await slices.next()
  assert.equal(step.value.damaged ?? 0, 0)
  await archive.close()
})
