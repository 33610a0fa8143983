import type { NamedCheck } from './check.js'
import { type Forecast, forecast } from './forecast.js'
import type { Overview } from './overview.js'
import type { FailedRequest } from './recent-failures.js'
import type { Salted } from './salted.js'
import type { Sample } from './samples.js'
import type { Snapshot } from './snapshot.js'

const DAY = 86_400
const TOPICS = 20
const THROTTLED = 50

/** What the page and `top` show live. Topics and addresses have names of this run alone. */
export interface View {
  version: string
  snapshot: Snapshot
  health: NamedCheck[]
  /** Of the last interval; absent in the first one. */
  sample?: Sample | undefined
  forecast?: Forecast | undefined
  failures: FailedRequest[]
  /** Addresses whose peers wait since they sent in vain, and how long, seconds. */
  throttled: Array<{ name: string; seconds: number }>
  topics: Array<{ name: string; envelopes: number; bytes: number }>
}

export interface ViewParts {
  overview: Overview
  salted: Salted
  version: string
  /** See `Throttle.waitingAddresses`. */
  waitingAddresses(): Array<[address: string, wait: number]>
}

export async function viewOf({ overview, salted, version, waitingAddresses }: ViewParts): Promise<View> {
  const { recorder, health } = overview
  const { samples } = recorder
  const [snapshot, checks] = await Promise.all([overview.snapshot(), health.report()])
  const throttled = waitingAddresses()
    .sort(([, a], [, b]) => b - a)
    .slice(0, THROTTLED)
  return {
    version,
    snapshot,
    health: checks,
    sample: samples.fine.at(-1),
    forecast: forecast(samples.since(snapshot.now - DAY)),
    failures: recorder.failures.list,
    throttled: throttled.map(([address, wait]) => ({ name: salted.name(address), seconds: Math.ceil(wait / 1000) })),
    topics: recorder.topics
      .top(TOPICS)
      .map(({ topic, envelopes, bytes }) => ({ name: salted.name(topic), envelopes, bytes }))
  }
}
