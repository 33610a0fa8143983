import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../src/archive/database/database.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { Prng } from '../../test/archive/prng.js'
import { Traffic } from '../../test/archive/traffic.js'
import { type Line, percentiles, print } from './report.js'

const DAYS = 30
const BATCH = 500
const ROUNDS = 7
/** The event loop is watched for so long after each opening, and once to the end of the first look at all files, ms. */
const WATCHED = 3000

/**
 * Measures what opening an archive costs that was closed: until it can be read, and how long the look at all files that follows it
 * holds up the event loop.
 *
 * @param folder - where it is, or is made and left; otherwise one for this measurement alone
 */
export async function openingBench(count: number, folder?: string): Promise<Line[]> {
  await useQuickKeccak()
  const directory = folder ?? (await mkdtemp(join(tmpdir(), 'waku-bench-')))
  const path = join(directory, 'database')
  try {
    if (!existsSync(path)) await fill(path, count)
    const lines: Line[] = [['archive', `${count} envelopes, ${DAYS} days, closed`]]
    const times: number[] = []
    const idle = await watched(() => delay(WATCHED))
    let during = idle
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now()
      const database = await openDatabase(path)
      times.push(performance.now() - start)
      const began = performance.now()
      const last = round === ROUNDS - 1
      const delays = await watched(() => (last ? database.checked : delay(WATCHED)))
      if (delays.max > during.max) during = delays
      if (last) lines.push(['looking at all files', `${((performance.now() - began) / 1000).toFixed(1)} s`])
      await database.close()
    }
    lines.push(['first opening', `${times[0]?.toFixed(1)} ms`], ['opening', percentiles(times.slice(1))])
    const tell = ({ p99, max }: Delays): string => `p99 ${p99.toFixed(1)} max ${max.toFixed(1)} ms`
    lines.push(['event loop late, idle', tell(idle)], ['event loop late, while files are looked at', tell(during)])
    return lines
  } finally {
    if (folder === undefined) await rm(directory, { recursive: true, force: true })
  }
}

interface Delays {
  p99: number
  max: number
}

/** How late the event loop is while something is done, ms. */
async function watched(work: () => Promise<unknown>): Promise<Delays> {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  await work()
  histogram.disable()
  return { p99: histogram.percentile(99) / 1e6, max: histogram.max / 1e6 }
}

async function fill(path: string, count: number): Promise<void> {
  const { archive, close } = await openDatabase(path, { check: false })
  const traffic = new Traffic(new Prng(1), { count, days: DAYS })
  for (const batch of traffic.batches(BATCH)) await archive.append(batch)
  await close()
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  print(await openingBench(Number(process.argv[2] ?? 200_000), process.argv[3]))
