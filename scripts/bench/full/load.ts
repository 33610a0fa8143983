import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Archive } from '../../../src/archive/archive.js'
import { openDatabase } from '../../../src/archive/database/database.js'
import { decodeEnvelope } from '../../../src/wire/envelope/envelope.js'
import { Prng } from '../../../test/archive/prng.js'
import { envelopeAt, Traffic } from '../../../test/archive/traffic.js'
import { quantile } from '../report.js'
import { linkedCopy, trafficOf } from './prepared.js'

/** Envelopes a second that come in, and how many at once. */
const INGEST = 20_000
const BATCH = 500
const SECONDS = 15
/** Between two pages, ms. */
const PAUSE = 20

export interface LoadCost {
  /** A page of one topic of 30 days, p50, ms. */
  idle: number
  busy: number
  /** How late the event loop was meanwhile, p99, ms. */
  delay: number
  /** Envelopes a second that were stored. */
  rate: number
}

/** Pages of one topic in the process that stores what comes in, before and meanwhile. */
export async function measureLoad(count: number): Promise<LoadCost> {
  const copy = await linkedCopy(count)
  const database = await openDatabase(copy.path, { check: false })
  try {
    const { archive } = database
    const topics = trafficOf(count).cold
    const prng = new Prng(9)
    const page = async (): Promise<number> => {
      const query = { lower: Traffic.firstDay, upper: 0xffff_ffff, topics: [prng.pick(topics)], limit: 1000 }
      const started = performance.now()
      for await (const _ of archive.query(query)) {
        // all of it
      }
      return performance.now() - started
    }
    for (let i = 0; i < 100; i++) await page()
    const idle: number[] = []
    for (let i = 0; i < 200; i++) {
      idle.push(await page())
      await sleep(PAUSE)
    }
    const raws = incoming(trafficOf(count), INGEST * SECONDS)
    const loop = monitorEventLoopDelay({ resolution: 5 })
    loop.enable()
    const started = performance.now()
    const storing = store(archive, raws)
    const busy: number[] = []
    let stored = false
    void storing.finally(() => {
      stored = true
    })
    while (!stored) {
      busy.push(await page())
      await sleep(PAUSE)
    }
    await storing
    const rate = ((INGEST * SECONDS) / (performance.now() - started)) * 1000
    loop.disable()
    return { idle: quantile(idle, 0.5), busy: quantile(busy, 0.5), delay: loop.percentile(99) / 1e6 - 5, rate }
  } finally {
    await database.close()
    await copy.remove()
  }
}

function incoming(traffic: Traffic, count: number): Uint8Array[] {
  const prng = new Prng(10)
  return Array.from({ length: count }, (_, i) => {
    const topic = prng.pick(prng.chance(0.3) ? traffic.hot : traffic.cold)
    return envelopeAt(traffic.end + Math.floor(i / INGEST), topic, prng.bytes(450), 50).raw
  })
}

/** A batch when it is due; several at once where the disk was late. */
async function store(archive: Archive, raws: Uint8Array[]): Promise<void> {
  const started = performance.now()
  const appends: Promise<unknown>[] = []
  for (let from = 0; from < raws.length; from += BATCH) {
    const due = started + (from / INGEST) * 1000
    await sleep(Math.max(0, due - performance.now()))
    appends.push(archive.append(raws.slice(from, from + BATCH).map(raw => decodeEnvelope(raw))))
  }
  await Promise.all(appends)
}
