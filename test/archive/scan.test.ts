import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LevelIterator, LevelStore } from '../../src/archive/database/level-store.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import { bloomOf } from '../../src/wire/envelope/bloom.js'
import { PassingStore } from './passing-store.js'
import { temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

const DAY = 86_400
const TOPICS = Array.from({ length: 400 }, (_, i) => Uint8Array.of(7, i & 0xff, i >>> 8, 1))
/** Two days, each topic once. */
const ENVELOPES = TOPICS.map((topic, i) => envelopeAt(DAY + i * 400, topic, Uint8Array.of(i & 0xff)))
const CLOSED = new Error('the database is closed')

/** A database that is closed when a reader has read, before it closed what it read with. */
class ClosedMeanwhile extends PassingStore {
  isClosing = false
  override iterator: LevelStore['iterator'] = options => {
    const iterator = this.inner.iterator(options)
    let isClosed = false
    const closed: LevelIterator = {
      nextv: async size => {
        if (isClosed) throw CLOSED
        return iterator.nextv(size)
      },
      seek: target => {
        isClosed = this.isClosing
        iterator.seek(target)
      },
      close: () => iterator.close()
    }
    return closed
  }
}

test('a database that is closed during a scan fails its query, and nothing that nobody waits for', async t => {
  const store = new ClosedMeanwhile(await temporaryLevel(t))
  const archive = await LevelArchive.open({ db: store })
  await archive.append(ENVELOPES)
  // the first day is looked at once more before what was found is told
  const { sent, hash, topicNumber: topic } = ENVELOPES[9] as (typeof ENVELOPES)[number]
  await store.batch([{ type: 'del', key: layout.envelopeKey({ sent, hash, topic }) }], { sync: false })
  store.isClosing = true
  const slices = archive.query({ lower: 0, upper: MAX_UINT32, bloom: bloomOf(TOPICS.slice(0, 390)), limit: 250 })
  await assert.rejects(slices.next(), (error: Error) => error === CLOSED || error.cause === CLOSED)
  store.isClosing = false
  await archive.close()
})
