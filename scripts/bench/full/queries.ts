import type { Archive } from '../../../src/archive/archive.js'
import { bloomOf, fullBloom } from '../../../src/wire/envelope/bloom.js'
import { CountingStore } from '../../../test/archive/counting-store.js'
import { Prng } from '../../../test/archive/prng.js'
import { Traffic } from '../../../test/archive/traffic.js'
import { quantile } from '../report.js'
import { openOwn, scanFolder, trafficOf } from './prepared.js'
import { type PageQuery, TimeScan } from './time-scan.js'

/** What a kind of query costs, median of a few of them, each asked of both layouts in turn. */
export interface QueryCost {
  kind: string
  /** ms */
  own: number
  /** ms, in the layout of status-go; absent where it was not asked. */
  scan?: number | undefined
  /** Of all queries of the kind together. */
  envelopes: number
  /** Entries visited, in postings too, iterators opened and postings read by ours, for all of them. */
  visited: number
  seeks: number
  postings?: number | undefined
  queries: number
}

/** Each kind is asked so often of ours; of the other layout until it took so long, ms, and at least three times. */
const ROUNDS = 31
const PATIENCE = 12_000

export interface Kind {
  name: string
  /** Every page, or the first. */
  all: boolean
  query(): PageQuery
}

export function kinds(count: number): Kind[] {
  const traffic = trafficOf(count)
  const prng = new Prng(5)
  const some = (n: number): Uint8Array[] => Array.from({ length: n }, () => prng.pick(traffic.cold))
  const range = { lower: Traffic.firstDay, upper: traffic.end, limit: 1000 }
  /** A page deep in the archive: where a client that was away goes on. */
  const later = () => ({ ...range, lower: prng.between(Traffic.firstDay, traffic.end - 2 * 86_400) })
  return [
    { name: '10 topics, 30 days', all: true, query: () => ({ ...range, topics: some(10) }) },
    { name: 'one topic, 30 days', all: true, query: () => ({ ...range, topics: some(1) }) },
    { name: 'bloom of one topic, 30 days', all: true, query: () => ({ ...range, bloom: bloomOf(some(1)) }) },
    { name: 'bloom of 30 topics, one page', all: false, query: () => ({ ...later(), bloom: bloomOf(some(30)) }) },
    { name: '100 topics, one page', all: false, query: () => ({ ...later(), topics: some(100) }) },
    { name: '500 topics, one page', all: false, query: () => ({ ...later(), topics: some(500) }) },
    { name: 'bloom of 100 topics, one page', all: false, query: () => ({ ...later(), bloom: bloomOf(some(100)) }) },
    { name: 'everything, one page', all: false, query: () => ({ ...later(), bloom: fullBloom() }) }
  ]
}

/**
 * @param known - kinds that were measured before are left out
 * @param onCost - given each when it is measured
 */
export async function measureQueries(
  count: number,
  known: readonly QueryCost[],
  onCost: (cost: QueryCost) => Promise<void>
): Promise<void> {
  const costs = await counted(count)
  const own = await openOwn(count)
  const scan = await TimeScan.open(scanFolder(count))
  try {
    for (const [i, { name, all, query }] of kinds(count).entries()) {
      if (known.some(({ kind }) => kind === name)) continue
      const times: { own: number[]; scan: number[] } = { own: [], scan: [] }
      const started = performance.now()
      for (let round = 0; round < ROUNDS; round++) {
        const wanted = query()
        const [found, time] = await timed(() => pages(own.archive, wanted, all))
        // the first brings what is asked of most into memory
        if (round > 0) times.own.push(time)
        if (round >= 3 && performance.now() - started >= PATIENCE) continue
        const [expected, scanTime] = await timed(() => scan.page(wanted, { all }))
        if (found !== expected) throw new Error(`${name}: ${found} envelopes, ${expected} by time scan`)
        if (round > 0) times.scan.push(scanTime)
      }
      const cost = costs[i] as QueryCost
      cost.own = quantile(times.own, 0.5)
      cost.scan = quantile(times.scan, 0.5)
      process.stderr.write(`${count} ${name}: ${cost.own.toFixed(1)} | ${cost.scan.toFixed(1)} ms\n`)
      await onCost(cost)
    }
  } finally {
    await own.close()
    await scan.close()
  }
}

/** The same queries once each, counted around the database. */
async function counted(count: number): Promise<QueryCost[]> {
  let store: CountingStore | undefined
  const own = await openOwn(count, inner => {
    store = new CountingStore(inner)
    return store
  })
  try {
    const costs: QueryCost[] = []
    const counting = store as unknown as CountingStore
    for (const { name, all, query } of kinds(count)) {
      counting.reset()
      const queries = all ? 5 : 10
      let envelopes = 0
      for (let i = 0; i < queries; i++) envelopes += await pages(own.archive, query(), all)
      const { visited, seeks, postings } = counting
      costs.push({ kind: name, own: 0, envelopes, visited, seeks, postings, queries })
    }
    return costs
  } finally {
    await own.close()
  }
}

/** How many envelopes the pages hold, or the first. */
export async function pages(archive: Archive, query: PageQuery, all: boolean): Promise<number> {
  let found = 0
  let cursor: Uint8Array | undefined
  do {
    const slices = archive.query({ ...query, cursor })
    let step = await slices.next()
    for (; step.done !== true; step = await slices.next()) found += step.value.length
    cursor = step.value.cursor
  } while (all && cursor !== undefined)
  return found
}

export async function timed(work: () => Promise<number>): Promise<[found: number, time: number]> {
  const started = performance.now()
  const found = await work()
  return [found, performance.now() - started]
}
