import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import type { ArchiveQuery } from '../../src/archive/archive.js'
import { ClassicStore } from '../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS } from '../../src/archive/database/database.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { bloomOf } from '../../src/wire/envelope/bloom.js'
import { CountingStore } from '../../test/archive/counting-store.js'
import { Prng } from '../../test/archive/prng.js'
import { Traffic } from '../../test/archive/traffic.js'
import { rawScan } from './raw-scan.js'
import { anonymousMemory, type Line, megabytes, percentiles, print } from './report.js'

const DAYS = 30
const BATCH = 500
const PAGES = 60

/**
 * Measures the archive by itself: ingest, a whole-history scan beside a scan of the same database by LevelDB's own iterator, and
 * pages of several kinds with the entries each one visits, counted around the database.
 */
export async function archiveBench(count: number): Promise<Line[]> {
  await useQuickKeccak()
  const directory = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  const memory = anonymousMemory()
  try {
    await level.open()
    const store = new CountingStore(new ClassicStore(level))
    const archive = await LevelArchive.open({ db: store })
    const prng = new Prng(1)
    const traffic = new Traffic(prng, { count, days: DAYS })
    const lines: Line[] = [['archive', `${count} envelopes, ${DAYS} days, 5000 topics, seed ${prng.seed}`]]
    lines.push(...(await ingest(archive, traffic)))
    lines.push(...(await scans(archive, level)))
    for (const [name, query] of pages(prng, traffic)) lines.push(await measurePages(name, archive, store, query))
    lines.push(await ingestOrder(archive, store, prng, traffic))
    const { bytes } = await archive.stats()
    lines.push(['payload', megabytes(bytes)])
    await archive.close()
    lines.push(['peak anonymous memory', memory.stop()])
    return lines
  } finally {
    await level.close()
    await rm(directory, { recursive: true, force: true })
  }
}

async function ingest(archive: LevelArchive, traffic: Traffic): Promise<Line[]> {
  const times: number[] = []
  let busy = 0
  let envelopes = 0
  for (const batch of traffic.batches(BATCH)) {
    for (const envelope of batch) envelope.hashHex
    const start = performance.now()
    await archive.append(batch)
    times.push(performance.now() - start)
    busy += times.at(-1) as number
    envelopes += batch.length
  }
  return [[`ingest, synced batches of ${BATCH}`, `${rate(envelopes, busy)}, batch ${percentiles(times)}`]]
}

async function scans(archive: LevelArchive, level: ClassicLevel<Uint8Array, Uint8Array>): Promise<Line[]> {
  const everything = { lower: 0, upper: 0xffff_ffff, limit: Number.POSITIVE_INFINITY }
  const ratios: number[] = []
  let raw = 0
  let own = 0
  let envelopes = 0
  for (let round = 0; round < 5; round++) {
    let start = performance.now()
    envelopes = await rawScan(level)
    const rawTime = performance.now() - start
    start = performance.now()
    let rows = 0
    for await (const slice of archive.query(everything)) rows += slice.length
    const ownTime = performance.now() - start
    if (rows !== envelopes) throw new Error(`the scan brought ${rows} of ${envelopes} envelopes`)
    ratios.push(rawTime / ownTime)
    raw += rawTime
    own += ownTime
  }
  const ratio = ratios.toSorted((a, b) => a - b)[2] as number
  return [
    ['raw LevelDB scan', rate(envelopes * ratios.length, raw)],
    ['whole history', `${rate(envelopes * ratios.length, own)}, ${(ratio * 100).toFixed(0)} % of raw (median of 5)`]
  ]
}

type Pages = [name: string, query: () => ArchiveQuery]

function pages(prng: Prng, traffic: Traffic): Pages[] {
  const range = { lower: Traffic.firstDay, upper: traffic.end, limit: 1000 }
  const some = (of: Uint8Array[], n: number): Uint8Array[] => Array.from({ length: n }, () => prng.pick(of))
  const hour = (): ArchiveQuery => {
    const lower = prng.between(Traffic.firstDay, traffic.end - 3600)
    return { ...range, lower, upper: lower + 3600 }
  }
  return [
    ['10 topics, 30 days', () => ({ ...range, topics: some(traffic.cold, 10) })],
    ['10 busy topics, 30 days', () => ({ ...range, topics: some(traffic.hot, 10) })],
    ['10 topics, of them 2 busy', () => ({ ...range, topics: [...some(traffic.cold, 8), ...some(traffic.hot, 2)] })],
    ['1 topic, 30 days', () => ({ ...range, topics: some(traffic.cold, 1) })],
    ['1000 topics, 30 days', () => ({ ...range, topics: some(traffic.cold, 1000) })],
    ['bloom of 1 topic', () => ({ ...range, bloom: bloomOf(some(traffic.cold, 1)) })],
    ['bloom of 30 topics', () => ({ ...range, bloom: bloomOf(some(traffic.cold, 30)) })],
    ['bloom of 100 topics', () => ({ ...range, bloom: bloomOf(some(traffic.cold, 100)) })],
    ['any topic, full page', () => ({ ...range, lower: prng.between(Traffic.firstDay, traffic.end - 86400) })],
    ['any topic, 1 hour', hour]
  ]
}

async function measurePages(
  name: string,
  archive: LevelArchive,
  store: CountingStore,
  query: () => ArchiveQuery
): Promise<Line> {
  const times: number[] = []
  let rows = 0
  store.reset()
  for (let i = 0; i < PAGES; i++) {
    const wanted = query()
    const start = performance.now()
    for await (const slice of archive.query(wanted)) rows += slice.length
    times.push(performance.now() - start)
  }
  const perRow = (n: number): string => (n / Math.max(1, rows)).toFixed(2)
  return [
    name,
    `${percentiles(times)}; ${Math.round(rows / PAGES)} rows, per row ${perRow(store.visited)} entries and ` +
      `${perRow(store.seeks)} seeks`
  ]
}

/** Everything of ten topics since the last quarter began to come in, page by page. */
async function ingestOrder(archive: LevelArchive, store: CountingStore, prng: Prng, traffic: Traffic): Promise<Line> {
  const { lastSeq } = await archive.stats()
  const times: number[] = []
  let found = 0
  store.reset()
  for (let i = 0; i < PAGES; i++) {
    const topics = Array.from({ length: 10 }, () => prng.pick(traffic.cold))
    const start = performance.now()
    for (let after = Math.floor(lastSeq * 0.75), more = true; more; ) {
      const slices = archive.sequence({ lower: 0, upper: 0xffff_ffff, topics, limit: 1000, after })
      let step = await slices.next()
      for (; step.done !== true; step = await slices.next()) found += step.value.length
      after = step.value.seq
      more = step.value.more
    }
    times.push(performance.now() - start)
  }
  const visited = (store.visited + store.gets) / Math.max(1, found)
  return [
    '10 topics, in the order of ingest',
    `${percentiles(times)}; ${(found / PAGES).toFixed(0)} rows, per row ${visited.toFixed(2)} entries and values`
  ]
}

function rate(envelopes: number, milliseconds: number): string {
  return `${Math.round((envelopes / milliseconds) * 1000)} env/s`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) print(await archiveBench(Number(process.argv[2] ?? 200_000)))
