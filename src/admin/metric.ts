import type { Snapshot } from './snapshot.js'

/** A label and all values that it can have. */
export type Labels = Readonly<Record<string, readonly string[]>>

interface MetricSpec {
  /** `waku_mailserver_<noun>_<unit>[_total]` */
  readonly name: string
  readonly help: string
  readonly labels: Labels
}

/** A number that is looked up when somebody asks for metrics. */
export interface ReadMetric extends MetricSpec {
  readonly type: 'counter' | 'gauge'
  /** By value of its one label; absent ones are left out. */
  readonly read: (snapshot: Snapshot) => Readonly<Record<string, number | undefined>>
}

/** One that is told of each thing as it happens. */
export interface ToldMetric extends MetricSpec {
  readonly type: 'counter' | 'histogram'
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[]
}

export type Metric = ReadMetric | ToldMetric

export const PREFIX = 'waku_mailserver_'

/** The key of the one value of a metric without a label. */
export const ALONE = ''

type One = (snapshot: Snapshot) => number | undefined
type Many = ReadMetric['read']

export function gauge(name: string, help: string, read: One): ReadMetric {
  return { name: PREFIX + name, type: 'gauge', help, labels: {}, read: snapshot => ({ [ALONE]: read(snapshot) }) }
}

export function gauges(name: string, help: string, labels: Labels, read: Many): ReadMetric {
  return { name: PREFIX + name, type: 'gauge', help, labels, read }
}

export function counter(name: string, help: string, read: One): ReadMetric {
  return { ...gauge(name, help, read), type: 'counter' }
}

export function counters(name: string, help: string, labels: Labels, read: Many): ReadMetric {
  return { ...gauges(name, help, labels, read), type: 'counter' }
}

export function histogram(name: string, help: string, labels: Labels, buckets: readonly number[]): ToldMetric {
  return { name: PREFIX + name, type: 'histogram', help, labels, buckets }
}

export function told(name: string, help: string, labels: Labels): ToldMetric {
  return { name: PREFIX + name, type: 'counter', help, labels }
}

/** Counts under other names: `{ accepted: 'envelopes_accepted' }`. */
export function renamed<N extends string>(
  counts: Partial<Record<N, number>>,
  names: Readonly<Record<string, N>>
): Record<string, number | undefined> {
  return Object.fromEntries(Object.entries(names).map(([value, name]) => [value, counts[name]]))
}
