import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import type { Archive, ArchiveReport } from '../../src/archive/archive.js'
import { ClassicStore } from '../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS, openDatabase } from '../../src/archive/database/database.js'
import { emptyReport } from '../../src/archive/empty-report.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { GapKind } from '../../src/wire/request/coverage.js'
import { blocksFinished } from './blocks-finished.js'
import { readPage, readSequence } from './comparison.js'
import { temporaryDirectory } from './temporary.js'
import { envelopeAt } from './traffic.js'

// Every record is changed where it lies in LevelDB, under a checksum that is right: as a failing memory does it, or a program.

await useQuickKeccak()

const BEGIN = 1_600_041_600
const TOPICS = Array.from({ length: 5 }, (_, i) => Uint8Array.of(1, 2, 3, i))
const ENVELOPES = Array.from({ length: 160 }, (_, i) =>
  envelopeAt(BEGIN + i * 1000, TOPICS[(i * i) % 5] as Uint8Array, new Uint8Array(40).fill(i))
)
const WHOLE = { lower: 0, upper: MAX_UINT32, limit: 1000 }
const GAP = { from: 5, until: 7, kind: GapKind.down, count: 0 }
const OWN = 1_600_100_000

type Level = ClassicLevel<Uint8Array, Uint8Array>
type Row = [key: Uint8Array, value: Uint8Array]
type Change = (level: Level) => Promise<void>

const letterOf = (key: Uint8Array): string => String.fromCharCode(key[3] as number)
const nameOf = (key: Uint8Array): string =>
  letterOf(key) === 'm' ? Buffer.from(key.subarray(4)).toString('latin1') : letterOf(key)

/** Two finished blocks, and runs behind them; blocks are small, which only the archive is told. */
async function made(t: TestContext): Promise<{ directory: string; kinds: Map<string, Row[]> }> {
  const directory = join(await temporaryDirectory(t), 'db')
  const kinds = new Map<string, Row[]>()
  await inLevel(directory, async level => {
    const archive = await LevelArchive.open({ db: new ClassicStore(level), blockSize: 64, now: () => OWN })
    for (let i = 0; i < 160; i += 20) await archive.append(ENVELOPES.slice(i, i + 20))
    await archive.addGap(GAP)
    await blocksFinished(new ClassicStore(level), archive, 2)
    await archive.close()
    for (const [key, value] of await level.iterator().all()) {
      const row: Row = [Uint8Array.from(key), Uint8Array.from(value)]
      const of = kinds.get(nameOf(row[0]))
      if (of === undefined) kinds.set(nameOf(row[0]), [row])
      else of.push(row)
    }
  })
  return { directory, kinds }
}

async function inLevel(directory: string, work: Change): Promise<void> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  await level.open()
  await work(level)
  await level.close()
}

interface State {
  said: string[]
  /** Envelopes found by time, by topic, and in the order of ingest. */
  found: number[]
  counted: unknown
  gaps: unknown
  report: ArchiveReport
}

/** What an archive is like when it was opened, and repaired if so. */
async function stateOf(directory: string, repair: boolean): Promise<State> {
  let state: State | undefined
  await inLevel(directory, async level => {
    const archive: Archive = await LevelArchive.open({ db: new ClassicStore(level), blockSize: 64, now: () => OWN + 9 })
    const said: string[] = []
    archive.watch({ damaged: (_gap, text) => said.push(text) })
    if (repair) await archive.repair()
    const { lastSeq, damaged, ...counted } = await archive.stats()
    state = {
      said,
      found: [
        (await readPage(archive, WHOLE)).rows.length,
        (await readPage(archive, { ...WHOLE, topics: TOPICS })).rows.length,
        (await readSequence(archive, { ...WHOLE, after: 0 })).rows.length
      ],
      counted,
      gaps: (await archive.coverage(WHOLE)).gaps,
      report: await archive.verify()
    }
    assert(lastSeq >= 160, 'no number is given out again')
    await archive.close()
  })
  return state as State
}

/** Changes a copy, and tells what it is like before and after a repair. */
async function changed(directory: string, change: Change): Promise<{ before: State; after: State }> {
  const copy = `${directory}-changed`
  await rm(copy, { recursive: true, force: true })
  await cp(directory, copy, { recursive: true })
  await inLevel(copy, change)
  const before = await stateOf(copy, false)
  return { before, after: await stateOf(copy, true) }
}

const isNamed = ({ said, report }: State): boolean =>
  said.length > 0 || report.index > 0 || report.countsWrong || report.damaged > 0 || report.missing > 0

const flipped = (bytes: Uint8Array, at: number, bit: number): Uint8Array =>
  Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ bit : byte))

const VALUES: Record<string, (value: Uint8Array) => Uint8Array> = {
  nothing: () => new Uint8Array(0),
  'a byte': () => Uint8Array.of(1),
  'one byte less': value => value.slice(0, -1),
  half: value => value.slice(0, value.length >> 1),
  'one byte more': value => Uint8Array.from([...value, 0]),
  'eight more': value => Uint8Array.from([...value, 1, 2, 3, 4, 5, 6, 7, 8]),
  ones: value => value.slice().fill(0xff),
  zeros: value => value.slice().fill(0),
  'a bit of its beginning': value => flipped(value, 0, 0x40),
  'a bit of its middle': value => flipped(value, value.length >> 1, 0x04),
  'a bit of its end': value => flipped(value, value.length - 1, 0x01)
}
/** Nobody reads it, it only says where to look, another one is as good, or what there is tells it. */
const HARMLESS =
  /^(blocks|q|id (ones|zeros|a bit)|clean (zeros|a bit|gone)|format a bit of its end|g a bit of its (middle|end))/
/** A bit of the number of the format makes it that of a later version. */
const LATER = { name: 'ArchiveFormatError', message: /a later one wrote it/ }

test('whatever becomes of a record, the archive opens, says or verifies what is wrong, and a repair mends it', async t => {
  const { directory, kinds } = await made(t)
  const sound = await stateOf(directory, false)
  assert.deepEqual(sound, { ...sound, said: [], report: { ...emptyReport(), envelopes: 160 } })
  for (const [kind, rows] of kinds) {
    const [key, value] = rows[rows.length >> 1] as Row
    const changes = Object.entries(VALUES).map(([how, change]): [string, Uint8Array | undefined] => [
      how,
      change(value)
    ])
    for (const [how, to] of [...changes, ['gone', undefined] as const]) {
      if (to !== undefined && Buffer.compare(to, value) === 0) continue
      const what = `${kind} ${how}`
      const put: Change = level => (to === undefined ? level.del(key) : level.put(key, to))
      const { before, after } = await changed(directory, put).catch(error => assert.fail(`${what}: ${error.stack}`))
      if (!HARMLESS.test(what)) assert(isNamed(before), `${what} is told`)
      const lost = kind === 'e' ? 1 : 0
      assert.deepEqual(after.found, [160 - lost, 160 - lost, 160 - lost], what)
      assert.deepEqual({ ...after.report, gaps: [] }, { ...emptyReport(), envelopes: 160 - lost }, what)
      if (lost === 0) assert.deepEqual(after.counted, sound.counted, what)
      // what it knew of its gaps cannot be made anew: nobody knows what it lacks
      const unknown = { from: 0, until: OWN + 9, kind: GapKind.damaged, count: 0 }
      if (lost === 0) assert.deepEqual(after.gaps, kind === 'coverage' ? [unknown] : [GAP], what)
    }
  }
})

test('a number of a format to come is refused, with what opens it', async t => {
  const { directory } = await made(t)
  await inLevel(directory, level => level.put(layout.metaKey('format'), Uint8Array.of(0, 0, 0, 7)))
  await assert.rejects(openDatabase(directory), LATER)
})

const KEYS: Record<string, (key: Uint8Array) => Uint8Array> = {
  'one byte less': key => key.slice(0, -1),
  'one byte more': key => Uint8Array.from([...key, 0]),
  'half of it': key => key.slice(0, 4 + ((key.length - 4) >> 1)),
  ones: key => key.slice().fill(0xff, 4),
  another: key => flipped(key, key.length - 1, 0x10)
}
/** Of blocks that there are not. */
const UNREAD = /^[ck] (ones|another)/

test('whatever is found under a key that is not its own is told, and costs nothing after a repair', async t => {
  const { directory, kinds } = await made(t)
  const sound = await stateOf(directory, false)
  for (const [kind, rows] of kinds) {
    if (kind.length > 1) continue
    const [key, value] = rows[rows.length >> 1] as Row
    for (const [how, change] of Object.entries(KEYS))
      for (const moved of [false, true]) {
        const what = `${kind} ${how}${moved ? ', moved' : ''}`
        const put: Change = async level => {
          if (moved) await level.del(key)
          await level.put(change(key), value)
        }
        const { before, after } = await changed(directory, put).catch(error => assert.fail(`${what}: ${error.stack}`))
        if (moved || !UNREAD.test(what)) assert(isNamed(before), `${what} is told`)
        // a row whose key is no key is found by nobody
        const lost = kind === 'e' && moved && !/ones|another/.test(how) ? 1 : 0
        assert.deepEqual(after.found, [160 - lost, 160 - lost, 160 - lost], what)
        assert.deepEqual({ ...after.report, gaps: [] }, { ...emptyReport(), envelopes: 160 - lost }, what)
        if (lost === 0) assert.deepEqual([after.counted, after.gaps], [sound.counted, [GAP]], what)
      }
  }
})

test('rows that lie under the keys of each other are put where they belong; one in place of another costs that one', async t => {
  const { directory, kinds } = await made(t)
  const [a, b] = [kinds.get('e')?.[70] as Row, kinds.get('e')?.[90] as Row]
  const swap: Change = level => level.batch([put(a[0], b[1]), put(b[0], a[1])])
  const { before, after } = await changed(directory, swap)
  assert.deepEqual([before.report.index, before.report.damaged, before.report.missing], [2, 0, 0])
  assert.deepEqual([after.found, after.gaps], [[160, 160, 160], [GAP]])
  const copied = await changed(directory, level => level.put(a[0], b[1]))
  assert.deepEqual([copied.before.report.damaged, copied.after.found], [1, [159, 159, 159]])
  const { sent } = ENVELOPES[70] as Envelope
  assert.deepEqual(copied.after.gaps, [GAP, { from: sent, until: sent, kind: GapKind.damaged, count: 1 }])
})

const put = (key: Uint8Array, value: Uint8Array) => ({ type: 'put' as const, key, value })

test('a number that two envelopes have, a posting that is gone, and one too many: verify tells, repair mends', async t => {
  const { directory, kinds } = await made(t)
  const run = kinds.get('s')?.at(-1) as Row
  const [posting, other] = [kinds.get('p')?.[0] as Row, kinds.get('p')?.[1] as Row]
  const changes: Record<string, Change> = {
    // its numbers overlap those of the run before it
    'a run with too many': level => level.put(layout.runKey(layout.readRunSeq(run[0]) - 5), run[1]),
    'a posting of one envelope less': level => level.put(posting[0], posting[1].slice(42)),
    "another's entry in a posting": level =>
      level.put(posting[0], Uint8Array.from([...posting[1], ...other[1].slice(0, 42)])),
    'an entry twice': level => level.put(posting[0], Uint8Array.from([...posting[1], ...posting[1].slice(-42)]))
  }
  for (const [what, change] of Object.entries(changes)) {
    const { before, after } = await changed(directory, change)
    assert(isNamed(before), `${what} is told`)
    assert.deepEqual([after.found, after.gaps], [[160, 160, 160], [GAP]], what)
    assert.deepEqual(after.report, { ...emptyReport(), envelopes: 160 }, what)
  }
})
