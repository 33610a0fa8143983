import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { DamageLog } from '../../src/archive/damage-log.js'
import { ClassicStore } from '../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS } from '../../src/archive/database/database.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { BLOCK_SIZE, Blocks } from '../../src/archive/level/level-blocks.js'
import { Census } from '../../src/archive/level/level-census.js'
import * as layout from '../../src/archive/level/level-layout.js'
import { Ledger } from '../../src/archive/level/level-ledger.js'
import { COSTS } from '../../src/archive/level/level-planner.js'
import { postedBetween } from '../../src/archive/level/level-posting.js'
import { LevelRows } from '../../src/archive/level/level-rows.js'
import { Scan } from '../../src/archive/level/level-scan.js'
import { TopicDictionary } from '../../src/archive/level/topic-dictionary.js'
import { type RowSource, SLICE_ROWS } from '../../src/archive/page.js'
import { inOrder } from '../../src/archive/position.js'
import { TopicFloors } from '../../src/archive/topic-floors.js'
import { OneAtATime } from '../../src/base/one-at-a-time.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import { topicNumber } from '../../src/wire/envelope/topic.js'
import { Prng } from '../../test/archive/prng.js'
import { Traffic } from '../../test/archive/traffic.js'
import { type Line, print } from './report.js'

const DAYS = 30
const ROUNDS = 40
const ROOM = { rows: 1001, bytes: 1024 * 1024 }

/**
 * Fits what the planner of the archive takes things to cost to this machine: `node dist/scripts/bench/planner-fit.js [envelopes]`. Only
 * the proportions matter; where they differ much from those in src/archive/level/level-planner.ts, put what is printed there. Each read is of
 * another day or block, as it is for who comes back.
 */
export async function plannerFit(count: number, folder?: string): Promise<Line[]> {
  await useQuickKeccak()
  const directory = folder ?? (await mkdtemp(join(tmpdir(), 'waku-bench-')))
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  try {
    await level.open()
    const store = new ClassicStore(level)
    const archive = await LevelArchive.open({ db: store })
    const prng = new Prng(1)
    const traffic = new Traffic(prng, { count, days: DAYS })
    if (folder === undefined) for (const batch of traffic.batches(1000)) await archive.append(batch)
    await archive.close()
    const queue = new OneAtATime()
    const ledger = new Ledger(store, new TopicDictionary(store, queue), 1)
    await ledger.load()
    const rows = new LevelRows(
      store,
      new DamageLog(
        () => {},
        () => 0
      )
    )
    const archiveParts = { rows, ledger, census: new Census(store, ledger, queue) }
    const anyDay = () => {
      const day = layout.dayOf(Traffic.firstDay) + prng.between(1, DAYS - 2)
      return { day, span: { lower: day * layout.DAY, upper: (day + 1) * layout.DAY - 1 } }
    }
    const topics = (n: number): number[] => {
      const from = prng.chance(0.5) ? traffic.hot : traffic.cold
      return [...new Set(Array.from({ length: n }, () => topicNumber(prng.pick(from))))]
    }

    const scanned: Sample[] = []
    for (let i = 0; i < ROUNDS; i++) {
      const wanted = new Set(topics(prng.pick([1, 5, 20])))
      const { day, span } = anyDay()
      const [found, time] = await timed(
        new Scan(archiveParts, span, { accepts: topic => wanted.has(topic), share: 0.1 })
      )
      scanned.push({ x: ledger.count(day), y: found, time })
    }
    const blocks = new Blocks({
      store,
      ledger,
      size: BLOCK_SIZE,
      floors: () => new TopicFloors(0),
      between: work => work()
    })
    await blocks.load()
    const finished = blocks.finishedOf(0, MAX_UINT32) ?? []
    const posted: Sample[] = []
    const fetched: Sample[] = []
    for (let i = 0; i < ROUNDS && finished.length > 0; i++) {
      const wanted = topics(prng.pick([10, 50, 100, 250, 500]))
      const { block } = prng.pick(finished)
      const started = performance.now()
      const { postings } = await blocks.posted([block], wanted)
      const found = (postings[0] ?? []).flatMap((posting, i) => {
        return posting ? postedBetween(posting, wanted[i] as number, { lower: 0, upper: MAX_UINT32 }) : []
      })
      const entries = inOrder(found)
      posted.push({ x: wanted.length, y: entries.length, time: performance.now() - started })
      const some = entries.slice(0, SLICE_ROWS)
      const before = performance.now()
      await rows.posted(some, () => new TopicFloors(0))
      fetched.push({ x: some.length, y: 0, time: performance.now() - before })
    }
    const [scannedRow] = fit(scanned)
    const [posting, postedEntry] = fit(posted)
    const [postedRow] = fit(fetched)
    const found = { scannedRow, posting, postedEntry, postedRow }
    const scale = COSTS.scannedRow / scannedRow
    return [
      ['planner', `${count} envelopes, ${DAYS} days, 5000 topics; microseconds, least squares of ${ROUNDS} reads each`],
      ...Object.entries(found).map(([name, cost]): Line => {
        const used = COSTS[name as keyof typeof COSTS]
        return [
          name,
          `${cost.toFixed(1)} measured, ${(cost * scale).toFixed(1)} in proportion; the planner takes ${used}`
        ]
      })
    ]
  } finally {
    await level.close()
    if (folder === undefined) await rm(directory, { recursive: true, force: true })
  }
}

/** A read with what may explain its time, ms. */
interface Sample {
  x: number
  y: number
  time: number
}

async function timed(source: RowSource): Promise<[rows: number, time: number]> {
  const started = performance.now()
  let found = 0
  for (;;) {
    const rows = await source.next(ROOM)
    if (rows === undefined) continue
    if (rows.length === 0) return [found, performance.now() - started]
    found += rows.length
  }
}

/** Microseconds of each x and each y by which the times are explained best, long ones more than short ones; none below a tenth. */
function fit(samples: Sample[]): [x: number, y: number] {
  let [xx, xy, yy, xt, yt] = [0, 0, 0, 0, 0]
  for (const { x, y, time } of samples) {
    const weight = 1 / time
    xx += weight * x * x
    xy += weight * x * y
    yy += weight * y * y
    xt += weight * x * time
    yt += weight * y * time
  }
  const determinant = xx * yy - xy * xy
  const [a, b] =
    determinant === 0 ? [xt / xx, 0] : [(xt * yy - yt * xy) / determinant, (yt * xx - xt * xy) / determinant]
  return [Math.max(0.1, a * 1000), Math.max(0.1, b * 1000)]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) print(await plannerFit(Number(process.argv[2] ?? 200_000)))
