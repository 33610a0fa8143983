import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ArchiveRow } from '../../src/archive/archive.js'
import { openDatabase } from '../../src/archive/database/database.js'
import { bloomOf } from '../../src/wire/envelope/bloom.js'
import { parseTopic } from '../../src/wire/envelope/topic.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { temporaryDirectory } from './temporary.js'

const ALL = { lower: 0, upper: 0xffffffff, limit: Number.POSITIVE_INFINITY }
const RED = parseTopic('0xaa000001')

async function slicesOf(rows: AsyncIterable<ArchiveRow[]>): Promise<ArchiveRow[][]> {
  const slices: ArchiveRow[][] = []
  for await (const slice of rows) if (slice.length > 0) slices.push(slice)
  return slices
}

test('whoever makes others wait has the same rows in slices of a quarter, in either order, by time, topic or bloom', async t => {
  const { archive, close } = await openDatabase(await temporaryDirectory(t))
  t.after(close)
  const envelopes = Array.from({ length: 1500 }, (_, i) => newEnvelope({ sent: 1_600_000_000 + i, topic: RED }))
  for (let from = 0; from < envelopes.length; from += 500) await archive.append(envelopes.slice(from, from + 500))
  const asked = (brief: () => boolean) => ({
    time: archive.query({ ...ALL, brief }),
    topic: archive.query({ ...ALL, topics: [RED], brief }),
    bloom: archive.query({ ...ALL, bloom: bloomOf([RED]), brief }),
    ingest: archive.sequence({ ...ALL, after: 0, brief })
  })
  for (const name of ['time', 'topic', 'bloom', 'ingest'] as const) {
    const [whole, small] = [await slicesOf(asked(() => false)[name]), await slicesOf(asked(() => true)[name])]
    assert.ok(
      small.every(({ length }) => length <= 128),
      name
    )
    assert.ok(
      whole.some(({ length }) => length > 256),
      name
    )
    assert.deepEqual(small.flat(), whole.flat(), name)
    assert.equal(small.flat().length, 1500, name)
    // others come and go
    let turn = 0
    assert.deepEqual((await slicesOf(asked(() => turn++ % 2 === 0)[name])).flat(), whole.flat(), name)
  }
})
