import '../../../src/base/polyfill.js'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../../src/archive/database/database.js'
import { useQuickKeccak } from '../../../src/node/crypto/quick-keccak.js'
import { backfillBench } from '../backfill.js'
import { historyBench } from '../history.js'
import { importBench } from '../import.js'
import { plannerFit } from '../planner-fit.js'
import { type Line, megabytes, print, quantile } from '../report.js'
import { costChart } from './chart.js'
import { measureIngest } from './ingest.js'
import { measureLoad } from './load.js'
import { measureGrowth, measurePlans } from './plans.js'
import { bytesIn, folderOf, linkedCopy, openOwn, ownFolder, prepare, root, scanFolder } from './prepared.js'
import { measureQueries } from './queries.js'
import { measureReaders } from './readers.js'
import { keep, type Measured, readResults } from './results.js'

/** Sizes of the chart; the last two are those of the report. */
const SIZES = [10_000, 100_000, 1_000_000, 5_000_000]
const [MILLION, LARGEST] = [1_000_000, 5_000_000]
const CHART = fileURLToPath(new URL('../../../../scripts/bench/cost.svg', import.meta.url))

// Each can be run by itself, on what the ones before it left: `npm run bench -- --full queries 1000000`.
const PHASES: Record<string, { sizes: number[]; run(count: number): Promise<unknown> }> = {
  prepare: { sizes: SIZES, run: prepare },
  queries: { sizes: SIZES, run: queries },
  open: { sizes: [MILLION, LARGEST], run: async count => keep(count, { open: await opening(count) }) },
  ingest: { sizes: [MILLION], run: async count => keep(count, { ingest: await measureIngest() }) },
  load: { sizes: [MILLION], run: async count => keep(count, { load: await measureLoad(count) }) },
  readers: { sizes: [LARGEST], run: async count => keep(count, { readers: await measureReaders(count) }) },
  history: { sizes: [MILLION], run: async count => print(await historyBench(count, folderOf(count))) },
  backfill: { sizes: [MILLION], run: async count => print(await backfill(count)) },
  planner: { sizes: [MILLION], run: async count => print(await plannerFit(count, ownFolder(count))) },
  plans: { sizes: [MILLION], run: async count => print(await measurePlans(count)) },
  growth: { sizes: [LARGEST], run: async count => print(await measureGrowth(MILLION, count)) },
  import: { sizes: [MILLION], run: async count => print(await importBench(count)) },
  report: { sizes: [LARGEST], run: report }
}

/**
 * Measures archives of up to 5,000,000 envelopes beside the layout of status-go, out of the same envelopes and in the same run. All of it, or
 * one phase, of one size where that is named. Takes 9 GB of the folder for temporary files, and most of an hour.
 */
export async function fullBench(phase?: string, size?: number): Promise<void> {
  await useQuickKeccak()
  const chosen = phase === undefined ? Object.values(PHASES) : [PHASES[phase]]
  for (const next of chosen) {
    if (next === undefined) throw new Error(`a phase is one of ${Object.keys(PHASES).join(', ')}, clean`)
    for (const count of size === undefined ? next.sizes : [size]) await next.run(count)
  }
  if (phase === undefined) await clean()
}

/** Deletes the archives. */
export const clean = (): Promise<void> => rm(root, { recursive: true, force: true })

/** What a run before this one measured stays, so that one that was broken off goes on. */
async function queries(count: number): Promise<void> {
  const known = (await readResults())[count]?.queries ?? []
  await measureQueries(count, known, async cost => {
    known.push(cost)
    await keep(count, { queries: known })
  })
  await keep(count, { disk: await disk(count) })
}

async function disk(count: number): Promise<Measured['disk']> {
  const own = await openOwn(count)
  const { bytes } = await own.archive.stats()
  await own.close()
  return { own: (await bytesIn(ownFolder(count))) / bytes, scan: (await bytesIn(scanFolder(count))) / bytes }
}

async function opening(count: number): Promise<number> {
  const copy = await linkedCopy(count)
  const times: number[] = []
  try {
    for (let round = 0; round < 6; round++) {
      const started = performance.now()
      const { archive, close } = await openDatabase(copy.path, { check: false })
      await archive.stats()
      // the first one finds an archive that another program made
      if (round > 0) times.push(performance.now() - started)
      await close()
    }
    return quantile(times, 0.5)
  } finally {
    await copy.remove()
  }
}

async function backfill(count: number): Promise<Line[]> {
  const copy = await linkedCopy(count)
  try {
    return await backfillBench(count, dirname(copy.path))
  } finally {
    await copy.remove()
  }
}

async function report(): Promise<void> {
  const results = await readResults()
  for (const count of [MILLION, LARGEST]) {
    const { queries, disk, open, ingest, load, readers } = results[count] ?? {}
    const lines: Line[] = []
    for (const { kind, own, scan = Number.NaN, envelopes, visited, seeks, postings = 0, queries: n } of queries ?? []) {
      const per = (sum: number): string => (sum / Math.max(1, envelopes)).toFixed(2)
      const before = results[MILLION]?.queries?.find(cost => cost.kind === kind)?.own
      const grown = count === LARGEST && before !== undefined ? `; ${(own / before).toFixed(2)} × that of 1M` : ''
      lines.push([
        kind,
        `${own.toFixed(1)} ms, time scan ${scan.toFixed(1)} ms: ${(scan / own).toFixed(1)} ×; ${Math.round(envelopes / n)} ` +
          `envelopes, ${per(visited)} entries each, ${Math.round(seeks / n)} seeks, ${Math.round(postings / n)} postings${grown}`
      ])
    }
    if (disk !== undefined) lines.push(['disk / payload', `${disk.own.toFixed(2)}, time scan ${disk.scan.toFixed(2)}`])
    if (open !== undefined) lines.push(['opening it, cleanly closed', `${open.toFixed(0)} ms`])
    if (ingest !== undefined) {
      const { own, bare } = ingest
      const share = (own / bare).toFixed(2)
      lines.push(['durable ingest', `${rate(own)}, without index ${rate(bare)}: ${share}`])
    }
    if (load !== undefined) {
      const { idle, busy, delay, rate: stored } = load
      const times = `p50 ${busy.toFixed(1)} ms, idle ${idle.toFixed(1)} ms: ${(busy / idle).toFixed(2)} ×`
      lines.push(['a topic page under ingest', `${times}; ${rate(stored)}, event loop late p99 ${delay.toFixed(0)} ms`])
    }
    if (readers !== undefined) {
      const { readers: n, packets, idle, peak } = readers
      const sizes = `${megabytes(idle)} idle, ${megabytes(peak)} at most: ${megabytes(peak - idle)} more`
      lines.push([`anonymous memory, ${n} slow readers`, `${sizes}; ${packets} packets taken`])
    }
    if (lines.length === 0) continue
    process.stdout.write(`\n${count.toLocaleString('en')} envelopes, 5000 topics, 30 days\n`)
    print(lines)
  }
  const chart = costChart(results)
  if (chart === undefined) return
  if (chart !== (await readFile(CHART, 'utf8').catch(() => ''))) await writeFile(CHART, chart)
  process.stdout.write(`\nchart: ${CHART}\n`)
}

const rate = (perSecond: number): string => `${Math.round(perSecond).toLocaleString('en')} env/s`
