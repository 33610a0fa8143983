import { COSTS } from '../../../src/archive/level/level-planner.js'
import { bloomOf } from '../../../src/wire/envelope/bloom.js'
import { Prng } from '../../../test/archive/prng.js'
import { Traffic } from '../../../test/archive/traffic.js'
import { type Line, quantile } from '../report.js'
import { openOwn, scanFolder, trafficOf } from './prepared.js'
import { type Kind, kinds, pages, timed } from './queries.js'
import { type PageQuery, TimeScan } from './time-scan.js'

const ROUNDS = 61
/** What takes longer is not asked for again and again, ms. */
const PATIENCE = 5000

/** What makes the planner take each way of reading, whatever it is asked. */
const FORCED: Record<string, Partial<typeof COSTS>> = {
  postings: { scannedRow: 1e9 },
  scan: { scannedRow: 0 }
}

/**
 * The way that the planner chooses beside each that it could have chosen, and beside a scan by time, in turns. All are asked the same, and
 * never twice in a row: each read is of another time.
 */
export async function measurePlans(count: number): Promise<Line[]> {
  const own = await openOwn(count)
  const scan = await TimeScan.open(scanFolder(count))
  try {
    const lines: Line[] = []
    for (const { name, query } of [...kinds(count).filter(({ all }) => !all), ...otherKinds(count)]) {
      const queries = Array.from({ length: ROUNDS }, query)
      const asked = (costs: Partial<typeof COSTS>) => (query: PageQuery) =>
        withCosts(costs, () => pages(own.archive, query, false))
      const ways: Record<string, (query: PageQuery) => Promise<number>> = {
        chosen: asked({}),
        'time scan': query => scan.page(query)
      }
      const { topics, bloom } = queries[0] as PageQuery
      const few = topics !== undefined || bloom?.some(byte => byte !== 0xff) === true
      if (few) for (const [way, costs] of Object.entries(FORCED)) ways[way] = asked(costs)
      const times = new Map<string, number[]>(Object.keys(ways).map(way => [way, []]))
      for (let round = 0; round < ROUNDS; round++) {
        const turn = Object.entries(ways).map(([way, read], i, { length }) => {
          const at = (round + Math.floor((i * ROUNDS) / length)) % ROUNDS
          return [way, () => read(queries[at] as PageQuery)] as const
        })
        for (const [way, read] of round % 2 === 0 ? turn : turn.reverse()) {
          const before = times.get(way) as number[]
          if (before.length > 3 && before.reduce((sum, time) => sum + time, 0) > PATIENCE) continue
          const [, time] = await timed(read)
          // the first brings what is asked of most into memory
          if (round > 0) before.push(time)
        }
      }
      const found = new Map([...times].map(([way, all]) => [way, quantile(all, 0.5)]))
      const chosen = found.get('chosen') as number
      const best = Math.min(...Object.keys(few ? FORCED : {}).map(way => found.get(way) as number))
      const ratios = few ? `: ${(chosen / best).toFixed(2)} × the best of ours, ` : ': '
      const beside = `${((found.get('time scan') as number) / chosen).toFixed(2)} × as fast as the time scan`
      lines.push([
        name,
        `${[...found].map(([way, time]) => `${way} ${time.toFixed(1)}`).join(', ')} ms${ratios}${beside}`
      ])
    }
    return lines
  } finally {
    await own.close()
    await scan.close()
  }
}

/** What is a larger part of the traffic. */
function otherKinds(count: number): Pick<Kind, 'name' | 'query'>[] {
  const { hot, cold, end } = trafficOf(count)
  const prng = new Prng(7)
  const page = () => ({ lower: prng.between(Traffic.firstDay, end - 2 * 86_400), upper: end, limit: 1000 })
  const from = (n: number): Uint8Array[] => {
    const first = prng.between(0, cold.length - n)
    return cold.slice(first, first + n)
  }
  return [
    { name: '1000 topics, one page', query: () => ({ ...page(), topics: from(1000) }) },
    { name: '2 busy topics, one page', query: () => ({ ...page(), topics: [prng.pick(hot), prng.pick(hot)] }) },
    { name: '20 busy topics, one page', query: () => ({ ...page(), topics: hot }) },
    { name: 'bloom of 400 topics, one page', query: () => ({ ...page(), bloom: bloomOf(from(400)) }) }
  ]
}

async function withCosts<T>(costs: Partial<typeof COSTS>, work: () => Promise<T>): Promise<T> {
  const before = { ...COSTS }
  Object.assign(COSTS, costs)
  try {
    return await work()
  } finally {
    Object.assign(COSTS, before)
  }
}

/** The same questions to archives of two sizes, in turns: what the larger one takes. */
export async function measureGrowth(small: number, large: number): Promise<Line[]> {
  const archives = [
    { own: await openOwn(small), kinds: kinds(small) },
    { own: await openOwn(large), kinds: kinds(large) }
  ] as const
  try {
    const lines: Line[] = []
    for (const [i, { name, all }] of archives[0].kinds.entries()) {
      const times: [number[], number[]] = [[], []]
      for (let round = 0; round < ROUNDS; round++)
        for (const at of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
          const { own, kinds } = archives[at]
          const query = (kinds[i] as (typeof kinds)[number]).query()
          const [, time] = await timed(() => pages(own.archive, query, false))
          if (round > 0) times[at].push(time)
        }
      const [before, now] = times.map(all => quantile(all, 0.5)) as [number, number]
      const title = all ? `${name}: its first page` : name
      lines.push([title, `${before.toFixed(1)} ms, ${now.toFixed(1)} ms: ${(now / before).toFixed(2)} ×`])
    }
    return lines
  } finally {
    for (const { own } of archives) await own.close()
  }
}
