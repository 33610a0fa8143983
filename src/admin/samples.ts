import type { AnsweredRequest } from '../mailserver/answered-request.js'
import type { Snapshot } from './snapshot.js'

/** What happened within an interval, and how things stood at its end. */
export interface Sample {
  /** Its end, Unix seconds. */
  at: number
  /** Envelopes. */
  received: number
  stored: number
  refused: number
  /** Refused as from the future, or as expired: what a wrong clock brings about. */
  future: number
  expired: number
  /** Requests. */
  answered: number
  failed: number
  /** Bytes of history that left. */
  bytes: number
  /** Of requests, seconds; half of them were faster, and nineteen of twenty. */
  median: number
  p95: number
  /** What came to nothing or waited at a bound. */
  bounds: number
  archive: number
  free: number
  libp2p: number
  devp2p: number
  /** How late the event loop was, seconds. */
  loop: number
  memory: number
}

type Counted = 'received' | 'stored' | 'refused' | 'future' | 'expired' | 'answered' | 'failed' | 'bytes' | 'bounds'
const COUNTED: readonly Counted[] = [
  'received',
  'stored',
  'refused',
  'future',
  'expired',
  'answered',
  'failed',
  'bytes',
  'bounds'
]
const WORST = ['median', 'p95', 'loop'] as const

/** Seconds between two samples. */
export const SAMPLE_INTERVAL = 10
/** An hour of them, and a week of coarse ones, of ten minutes each. */
const FINE = 360
const COARSE = 1008
const TOGETHER = 60
/** Times of requests that are kept within an interval. */
const MAX_TIMES = 1000

/** How a node was lately: a bounded number of samples, in memory. */
export class Samples {
  readonly fine: Sample[] = []
  readonly coarse: Sample[] = []
  #times: number[] = []
  #outcomes = { answered: 0, failed: 0 }
  #before: Record<Counted, number> | undefined
  #sum: Sample | undefined
  #summed = 0

  /** To be told of each request. */
  answered({ outcome, seconds }: Pick<AnsweredRequest, 'outcome' | 'seconds'>): void {
    this.#outcomes[outcome === 'delivered' || outcome === 'forwarded' ? 'answered' : 'failed']++
    if (this.#times.length < MAX_TIMES) this.#times.push(seconds)
  }

  /** At the end of an interval. */
  add(snapshot: Snapshot): Sample {
    const totals = this.#totals(snapshot)
    const before = this.#before ?? totals
    this.#before = totals
    const times = this.#times.sort((a, b) => a - b)
    this.#times = []
    const at = (part: number): number => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0
    const sample: Sample = {
      at: snapshot.now,
      ...(Object.fromEntries(COUNTED.map(name => [name, totals[name] - before[name]])) as Record<Counted, number>),
      median: at(0.5),
      p95: at(0.95),
      archive: snapshot.archive.envelopes,
      free: snapshot.disk?.free ?? 0,
      libp2p: snapshot.peers.libp2p,
      devp2p: snapshot.peers.devp2p,
      loop: snapshot.loop.p99,
      memory: snapshot.memory.rss
    }
    keep(this.fine, sample, FINE)
    this.#addUp(sample)
    return sample
  }

  /** Those of the last so many seconds, the finest there are, in order. */
  since(at: number): Sample[] {
    const first = this.fine[0]?.at ?? Number.POSITIVE_INFINITY
    return [...this.coarse.filter(one => one.at >= at && one.at < first), ...this.fine.filter(one => one.at >= at)]
  }

  #totals({ waku, mailserver, limits }: Snapshot): Record<Counted, number> {
    const sum = (counts: Partial<Record<string, number>>, start: string): number =>
      Object.entries(counts).reduce((all, [name, count = 0]) => all + (name.startsWith(start) ? count : 0), 0)
    return {
      received: waku.envelopes_received ?? 0,
      stored: waku.envelopes_stored ?? 0,
      refused: sum(waku, 'refused_'),
      future: waku.refused_future ?? 0,
      expired: waku.refused_expired ?? 0,
      ...this.#outcomes,
      bytes: mailserver.bytes_delivered ?? 0,
      bounds: sum(limits, '')
    }
  }

  #addUp(sample: Sample): void {
    const sum = this.#sum
    if (sum === undefined) this.#sum = { ...sample }
    else {
      const before = { ...sum }
      Object.assign(sum, sample)
      for (const name of COUNTED) sum[name] += before[name]
      for (const name of WORST) sum[name] = Math.max(sum[name], before[name])
    }
    if (++this.#summed < TOGETHER) return
    keep(this.coarse, this.#sum as Sample, COARSE)
    this.#sum = undefined
    this.#summed = 0
  }
}

function keep(list: Sample[], sample: Sample, most: number): void {
  list.push(sample)
  if (list.length > most) list.shift()
}
