import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { ClassicStore } from '../../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS } from '../../../src/archive/database/database.js'
import { LevelArchive } from '../../../src/archive/level/level-archive.js'
import { decodeEnvelope } from '../../../src/wire/envelope/envelope.js'
import { legacyKey } from '../../../test/transfer/legacy-level.js'
import { quantile } from '../report.js'
import { trafficOf } from './prepared.js'

const BATCH = 500
const ROUNDS = 5
const ENVELOPES = 100_000

export interface IngestRates {
  /** Envelopes a second that the archive stores: read, hashed, indexed, synced. */
  own: number
  /** Those that LevelDB with the same options stores in synced batches without any index. */
  bare: number
}

/** Batches as they come, in turns into an archive and into a database that has nothing but the table by time. */
export async function measureIngest(): Promise<IngestRates> {
  const raws = [...trafficOf(ENVELOPES).batches(BATCH)].map(batch => batch.map(({ raw }) => raw))
  const own: number[] = []
  const bare: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    own.push(
      await inFolder(async level => {
        const archive = await LevelArchive.open({ db: new ClassicStore(level) })
        const time = await timed(async () => {
          for (const batch of raws) await archive.append(batch.map(raw => decodeEnvelope(raw)))
        })
        await archive.close()
        return time
      })
    )
    bare.push(
      await inFolder(async level => {
        const store = new ClassicStore(level)
        return timed(async () => {
          for (const batch of raws) {
            const puts = batch.map(raw => {
              return { type: 'put' as const, key: legacyKey(decodeEnvelope(raw), 'status-go'), value: raw }
            })
            await store.batch(puts, { sync: true })
          }
        })
      })
    )
  }
  const rate = (times: number[]): number => (ENVELOPES / quantile(times, 0.5)) * 1000
  return { own: rate(own), bare: rate(bare) }
}

async function inFolder<T>(work: (level: ClassicLevel<Uint8Array, Uint8Array>) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const level = new ClassicLevel<Uint8Array, Uint8Array>(folder, LEVEL_OPTIONS)
  try {
    await level.open()
    return await work(level)
  } finally {
    await level.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
