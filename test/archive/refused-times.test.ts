import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { RefusedTimes } from '../../src/archive/level/refused-times.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import { GapKind } from '../../src/wire/request/coverage.js'
import { FaultyStore } from './faulty-store.js'
import { temporaryDirectory, temporaryLevel } from './temporary.js'
import { envelopeAt } from './traffic.js'

const START = 1_600_000_000
const TOPIC = Uint8Array.of(1, 2, 3, 4)
const one = (i: number) => envelopeAt(START + i, TOPIC, Uint8Array.of(i))

test('when envelopes were refused since they could not be stored is a gap after a kill, too', async t => {
  const db = new FaultyStore(await temporaryLevel(t))
  const path = join(await temporaryDirectory(t), 'db.refused')
  let now = START
  // none is ever closed: each ends as by a kill
  const open = () => LevelArchive.open({ db, refused: new RefusedTimes(path), now: () => now })
  const gapsOf = async (archive: LevelArchive) => (await archive.coverage({ lower: 0, upper: MAX_UINT32 })).gaps
  const refuse = async (archive: LevelArchive, at: number): Promise<void> => {
    now = START + at
    db.writes = 'fail'
    await assert.rejects(archive.append([one(at)]), { name: 'ArchiveError' })
    db.writes = 'succeed'
  }
  const gap = (from: number, until: number) => ({
    from: START + from,
    until: START + until,
    kind: GapKind.unstored,
    count: 0
  })

  const first = await open()
  await first.append([one(0)])
  for (const at of [10, 20, 30]) await refuse(first, at)
  now = START + 40
  const second = await open()
  assert.deepEqual(await gapsOf(second), [gap(10, 30)])

  await refuse(second, 50)
  await refuse(second, 55)
  assert.deepEqual(await second.append([one(60)]), ['stored'])
  assert.deepEqual(await gapsOf(second), [gap(10, 30), gap(50, 55)], 'and as soon as it can be noted')
  assert.deepEqual(await gapsOf(await open()), [gap(10, 30), gap(50, 55)], 'once')

  await refuse(second, 70)
  db.writes = 'fail'
  const third = await open().catch(error => error)
  db.writes = 'succeed'
  assert(third instanceof LevelArchive, `a disk that is full still keeps nobody from reading: ${third}`)
  assert.deepEqual(await gapsOf(third), [gap(10, 30), gap(50, 55), gap(70, 70)])

  for (const spoiled of [new Uint8Array(5), new Uint8Array(12).fill(7), new Uint8Array(4096).fill(1)]) {
    await writeFile(path, spoiled)
    assert.deepEqual(await gapsOf(await open()), [gap(10, 30), gap(50, 55)], 'what is spoiled says nothing')
  }
})
