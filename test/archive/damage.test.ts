import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import type { Archive } from '../../src/archive/archive.js'
import { LEVEL_OPTIONS, openDatabase } from '../../src/archive/database.js'
import { emptyReport } from '../../src/archive/empty-report.js'
import { put64 } from '../../src/archive/level-bytes.js'
import * as layout from '../../src/archive/level-layout.js'
import { useQuickKeccak } from '../../src/node/quick-keccak.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { GapKind } from '../../src/wire/coverage.js'
import type { Envelope } from '../../src/wire/envelope.js'
import { copyOf, databaseInTables, flip, largest } from './damage.js'
import { Prng } from './prng.js'
import { temporaryDirectory } from './temporary.js'
import { envelopeAt } from './traffic.js'

await useQuickKeccak()

const NOON = 1_600_041_600
const ALL = { lower: 0, upper: MAX_UINT32, limit: 50 }
const TOPICS = Array.from({ length: 8 }, (_, i) => Uint8Array.of(1, 2, 3, i))
const ENVELOPES = Array.from({ length: 800 }, (_, i) =>
  envelopeAt(NOON + (i >> 2), TOPICS[i % 8] as Uint8Array, new Uint8Array(120).fill(i & 0xff).fill(i >> 8, 0, 4))
)

interface Walked {
  raws: string[]
  damaged: number
}

/** All pages, each from the cursor of the one before. */
async function walk(archive: Archive, topics?: Uint8Array[]): Promise<Walked> {
  const raws: string[] = []
  let damaged = 0
  let cursor: Uint8Array | undefined
  for (let pages = 0; ; pages++) {
    assert(pages <= ENVELOPES.length, 'the walk comes to an end')
    const slices = archive.query({ ...ALL, topics, cursor })
    for (;;) {
      const { done, value } = await slices.next()
      if (done === true) {
        cursor = value.cursor
        damaged += value.damaged ?? 0
        break
      }
      raws.push(...value.map(({ raw }) => toHex(raw)))
    }
    if (cursor === undefined) return { raws, damaged }
  }
}

const STORED = new Set(ENVELOPES.map(({ raw }) => toHex(raw)))

test('a row with one changed byte is left out of every answer, counted, and stored again when it comes again', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES])
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  const spoiled = ENVELOPES[400] as Envelope
  const key = layout.envelopeKey({ sent: spoiled.sent, hash: spoiled.hash, topic: spoiled.topicNumber })
  const row = (await level.get(key)) as Uint8Array
  row[60] = (row[60] as number) ^ 1
  await level.put(key, row)
  await level.close()

  const { archive, close } = await openDatabase(directory)
  t.after(close)
  const said: string[] = []
  archive.watch({ damaged: (gap, text) => said.push(`${gap?.from} ${gap?.count} ${text}`) })
  for (const topics of [undefined, TOPICS, [spoiled.topic]]) {
    const { raws, damaged } = await walk(archive, topics)
    assert.equal(damaged, 1)
    assert.equal(raws.length, topics?.length === 1 ? 99 : 799)
    assert(!raws.includes(toHex(spoiled.raw)))
  }
  const rows = archive.sequence({ lower: 0, upper: MAX_UINT32, limit: 1000, after: 0 })
  let sequenced = 0
  for (;;) {
    const { done, value } = await rows.next()
    if (done !== true) sequenced += value.length
    else {
      assert.deepEqual(value, { seq: 800, more: false, damaged: 1 })
      break
    }
  }
  assert.equal(sequenced, 799)
  assert.deepEqual(said, [`${spoiled.sent} 1 1 damaged envelopes were met and left out of an answer`], 'said once')
  assert.equal((await archive.stats()).damaged?.envelopes, 1)
  const { gaps } = await archive.coverage({ lower: spoiled.sent, upper: spoiled.sent })
  assert.deepEqual(gaps, [{ from: spoiled.sent, until: spoiled.sent, kind: GapKind.damaged, count: 1 }])

  assert.deepEqual(await archive.append([spoiled, ENVELOPES[401] as Envelope]), ['stored', 'known'])
  assert.deepEqual((await walk(archive)).raws.length, 800)
  assert.equal((await archive.stats()).envelopes, 800, 'it was counted before')
})

test('rows of an archive of the last format are checked by their hash', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES.slice(0, 40)])
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  for (const [i, { sent, hash, topicNumber, raw }] of ENVELOPES.slice(0, 40).entries()) {
    const row = new Uint8Array(8 + raw.length)
    put64(row, 0, i + 1)
    row.set(raw, 8)
    if (i === 7) row[30] = (row[30] as number) ^ 1
    await level.put(layout.envelopeKey({ sent, hash, topic: topicNumber }), row)
  }
  await level.put(layout.metaKey('format'), Uint8Array.of(0, 0, 0, 2))
  await level.close()
  const { archive, close } = await openDatabase(directory)
  t.after(close)
  for (const topics of [undefined, TOPICS]) {
    const { raws, damaged } = await walk(archive, topics)
    assert.deepEqual([raws.length, damaged], [39, 1])
  }
  await archive.append(ENVELOPES.slice(30, 60))
  assert.deepEqual(await walk(archive, TOPICS).then(({ raws }) => raws.length), 59)
})

test('whatever bit of a table is changed: no walk hides it, verify finds it, and repair puts all of it right', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES.slice(0, 300), ENVELOPES.slice(300)])
  const { size } = await stat(await largest(directory, '.ldb'))
  const prng = new Prng(31)
  const count = { whole: 0, told: 0, hidden: 0 }
  for (let i = 0; i < 40; i++) {
    const copy = await copyOf(directory, 'copy')
    const at = prng.below(size)
    const bit = 1 << prng.below(8)
    await flip(await largest(copy, '.ldb'), at, bit)
    const { archive, checked, close } = await openDatabase(copy, { salvage: true })
    await checked
    for (const topics of [undefined, TOPICS, TOPICS.slice(0, 1)]) {
      const { raws, damaged } = await walk(archive, topics)
      for (const raw of raws) assert(STORED.has(raw), 'delivered as it was stored')
      const expected = topics?.length === 1 ? 100 : 800
      assert(new Set(raws).size === raws.length && raws.length <= expected)
      assert(raws.length > expected / 2, `${raws.length} of ${expected}: the walk goes on behind the damage`)
      if (damaged > 0) count.told++
      else if (raws.length === expected) count.whole++
      else count.hidden++
    }
    assert.equal((await archive.verify()).files, 1, `bit ${bit} of byte ${at}`)
    const { files, restored } = await archive.repair()
    assert.deepEqual([files, restored], [1, 1])
    assert.deepEqual(await archive.verify(), { ...emptyReport(), envelopes: 800 })
    for (const topics of [undefined, TOPICS])
      assert.deepEqual(await walk(archive, topics).then(({ raws, damaged }) => [raws.length, damaged]), [800, 0])
    assert.deepEqual((await archive.coverage({ lower: 0, upper: MAX_UINT32 })).gaps, [])
    await close()
  }
  t.diagnostic(JSON.stringify(count))
  assert(count.told > 40, 'most of it is told')
  assert.equal(count.hidden, 0)
})

test('a file of which a part is gone ends neither the archive nor the walk', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES])
  const file = await largest(directory, '.ldb')
  const { size } = await stat(file)
  // three blocks in the middle
  const places = Array.from({ length: 1700 }, (_, i) => Math.floor(size / 3) + i * 7)
  await flip(file, places)
  const { archive, close } = await openDatabase(directory)
  t.after(close)
  const { raws, damaged } = await walk(archive)
  assert(damaged > 0 && raws.length > 600 && raws.length < 800)
  const late = envelopeAt(NOON + 5000, TOPICS[0] as Uint8Array, new Uint8Array(9))
  assert.deepEqual(await archive.append([late]), ['stored'])
  const { files, restored, gaps, missing } = await archive.repair()
  assert(files >= 3 && restored === 0 && missing === 801 - raws.length - 1, 'left out with what lay in them')
  assert(gaps.every(({ from, until, kind }) => from >= NOON && until < NOON + 200 && kind === GapKind.damaged))
  assert.deepEqual(await archive.verify(), { ...emptyReport(), envelopes: raws.length + 1 })
  const lost = ENVELOPES.filter(({ raw }) => !raws.includes(toHex(raw)))
  assert.deepEqual(new Set(await archive.append(lost)), new Set(['stored']))
  assert.deepEqual(await walk(archive, TOPICS).then(({ raws, damaged }) => [raws.length, damaged]), [801, 0])
})
