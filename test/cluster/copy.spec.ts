import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openDatabase } from '../../src/archive/database/database.js'
import { type CopyPlace, copyArchive } from '../../src/transfer/archive-copy.js'
import { topicFromNumber } from '../../src/wire/envelope/topic.js'
import { envelopeAt } from '../archive/traffic.js'
import { closeOpened, oneNode, openArchive } from './archive-of.js'

const cluster = await oneNode()
after(closeOpened)
after(() => cluster.stop())

test('an archive is copied from LevelDB to Cassandra and back, also when it was broken off, and compared by digests', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'waku-copy-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const source = await openDatabase(join(folder, 'source'), { check: false })
  const envelopes = Array.from({ length: 1500 }, (_, i) =>
    envelopeAt(1_600_000_000 + i * 60, topicFromNumber(i % 20), Uint8Array.of(i >> 8, i))
  )
  await source.archive.append(envelopes)
  await source.archive.addGap({ from: 1_600_000_100, until: 1_600_000_200, kind: 0, count: 0 })
  const shared = await openArchive(cluster)
  // one that the target has already, and one that only it has
  await shared.append([envelopes[700] as never, envelopeAt(1_600_000_001, topicFromNumber(99), Uint8Array.of(9))])

  let place: CopyPlace | undefined
  const broken = new AbortController()
  const breakOff = copyArchive(source.archive, shared, {
    signal: broken.signal,
    onPlace(at) {
      place = at
      broken.abort(new Error('broken off'))
    }
  })
  await assert.rejects(breakOff, /broken off/)
  const signal = new AbortController().signal
  const rest = await copyArchive(source.archive, shared, { signal, place })
  assert.ok(rest.envelopes < 1500, 'it went on where it ended')
  assert.equal(rest.compared, 1500)
  assert.equal((await shared.stats()).envelopes, 1501)
  assert.deepEqual(await copyArchive(source.archive, shared, { signal }), {
    envelopes: 1500,
    stored: 0,
    compared: 1500
  })

  const back = await openDatabase(join(folder, 'back'), { check: false })
  const summary = await copyArchive(shared, back.archive, { signal })
  assert.deepEqual(summary, { envelopes: 1501, stored: 1501, compared: 1501 })
  const { gaps } = await back.archive.coverage({ lower: 1_600_000_000, upper: 1_600_001_000 })
  assert.deepEqual(gaps, [{ from: 1_600_000_100, until: 1_600_000_200, kind: 0, count: 0 }])
  await Promise.all([source.close(), back.close(), shared.close()])
})
