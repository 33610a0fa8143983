import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { ClassicStore } from '../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS } from '../../src/archive/database/database.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { dayEnvelopes, dayOf } from '../../src/archive/level/level-layout.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { Prng } from '../../test/archive/prng.js'
import { envelopeAt, Traffic } from '../../test/archive/traffic.js'
import { type Line, megabytes, print, tail } from './report.js'

const DAYS = 30
const DAY = 86_400
const BATCH = 500
/** Batches and envelopes a second that come in meanwhile. */
const [INGEST_BATCHES, INGEST] = [20, 5000]
/** How long the room of a day may take to come back, and an append to wait; ms. */
const BOUND = { room: 10_000, append: 150 }

/** Drops a day of thirty while envelopes come in: how soon its room is back, and how long appends wait meanwhile. */
export async function retentionBench(count: number): Promise<Line[]> {
  await useQuickKeccak()
  const directory = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  try {
    await level.open()
    const archive = await LevelArchive.open({ db: new ClassicStore(level) })
    const traffic = new Traffic(new Prng(1), { count, days: DAYS })
    for (const batch of traffic.batches(BATCH)) await archive.append(batch)
    const day = dayOf(Traffic.firstDay)
    const { gte, lt } = dayEnvelopes(day)
    const room = (): Promise<number> => level.approximateSize(gte, lt)
    const live = new LiveTraffic(archive, traffic.end)
    await live.for(2000)
    const idle = live.take()
    const [roomBefore, diskBefore] = [await room(), await bytesIn(directory)]

    const started = performance.now()
    let gone = Number.NaN
    let back = Number.NaN
    const pruning = archive.prune(Traffic.firstDay + DAY).then(removed => {
      gone = performance.now() - started
      return removed
    })
    while (Number.isNaN(back) && performance.now() - started < 6 * BOUND.room) {
      await live.for(100)
      if ((await room()) < roomBefore / 20) back = performance.now() - started
    }
    const dropped = await pruning
    const busy = live.take()
    const diskAfter = await bytesIn(directory)
    await archive.close()
    return [
      ['retention', `${count} envelopes, ${DAYS} days, ${INGEST} a second coming in`],
      ['the day that goes', `${dropped} envelopes, ${megabytes(roomBefore)} of ${megabytes(diskBefore)} on disk`],
      ['prune ended after', `${gone.toFixed(0)} ms`],
      ['its room is back after', held(back, BOUND.room)],
      ['on disk then', megabytes(diskAfter)],
      ['an append before', tail(idle)],
      ['an append meanwhile', `${tail(busy)}, longest ${held(Math.max(...busy), BOUND.append)}`]
    ]
  } finally {
    await level.close()
    await rm(directory, { recursive: true, force: true })
  }
}

/** What is heard now, at a steady pace, and how long each append of it takes. */
class LiveTraffic {
  readonly #archive: LevelArchive
  readonly #prng = new Prng(2)
  readonly #from: number
  #sent = 0
  #times: number[] = []

  constructor(archive: LevelArchive, from: number) {
    this.#archive = archive
    this.#from = from
  }

  async for(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds
    while (performance.now() < end) {
      const started = performance.now()
      const envelopes = Array.from({ length: INGEST / INGEST_BATCHES }, () =>
        envelopeAt(this.#from + Math.floor(this.#sent++ / INGEST), this.#prng.bytes(4), this.#prng.bytes(450))
      )
      for (const envelope of envelopes) envelope.hashHex
      const appended = performance.now()
      await this.#archive.append(envelopes)
      this.#times.push(performance.now() - appended)
      await sleep(Math.max(0, 1000 / INGEST_BATCHES - (performance.now() - started)))
    }
  }

  take(): number[] {
    return this.#times.splice(0)
  }
}

function held(milliseconds: number, bound: number): string {
  return `${milliseconds.toFixed(0)} ms (to be ${bound} at most)`
}

async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory)
  const sizes = await Promise.all(
    names.map(name =>
      stat(join(directory, name)).then(
        ({ size }) => size,
        () => 0
      )
    )
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) print(await retentionBench(Number(process.argv[2] ?? 200_000)))
