import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { AnsweredRequest } from '../mailserver/answered-request.js'
import type { AppendMeasure } from '../mailserver/topic-store.js'
import { APPEND_ENVELOPES, APPEND_SECONDS, METRICS, REQUEST_SECONDS, REQUEST_VISITED, REQUESTS } from './catalogue.js'
import { ALONE, type ReadMetric } from './metric.js'
import type { Snapshot } from './snapshot.js'

/** The metrics of one node, in the form that Prometheus reads. */
export class NodeMetrics {
  readonly registry = new Registry()
  readonly #requests: Counter
  readonly #requestSeconds: Histogram
  readonly #requestVisited: Histogram
  readonly #appendSeconds: Histogram
  readonly #appendEnvelopes: Histogram
  readonly #read: Array<[ReadMetric, Counter | Gauge]> = []

  constructor() {
    const registers = [this.registry]
    const made = new Map<string, Counter | Gauge | Histogram>()
    for (const metric of METRICS) {
      const { name, help, type } = metric
      const options = { name, help, registers, labelNames: Object.keys(metric.labels) }
      const one =
        type === 'histogram'
          ? new Histogram({ ...options, buckets: [...(metric.buckets ?? [])] })
          : type === 'counter'
            ? new Counter(options)
            : new Gauge(options)
      made.set(name, one)
      if ('read' in metric) this.#read.push([metric, one as Counter | Gauge])
    }
    this.#requests = made.get(REQUESTS.name) as Counter
    this.#requestSeconds = made.get(REQUEST_SECONDS.name) as Histogram
    this.#requestVisited = made.get(REQUEST_VISITED.name) as Histogram
    this.#appendSeconds = made.get(APPEND_SECONDS.name) as Histogram
    this.#appendEnvelopes = made.get(APPEND_ENVELOPES.name) as Histogram
  }

  answered({ outcome, dialect, network, seconds, visited }: AnsweredRequest): void {
    this.#requests.inc({ outcome, dialect: dialect ?? 'none', network })
    this.#requestSeconds.observe({ network }, seconds)
    if (visited !== undefined) this.#requestVisited.observe({ network }, visited)
  }

  appended({ envelopes, seconds }: AppendMeasure): void {
    this.#appendSeconds.observe(seconds)
    this.#appendEnvelopes.observe(envelopes)
  }

  /** All of them, at the moment of the snapshot. */
  async text(snapshot: Snapshot): Promise<string> {
    for (const [metric, target] of this.#read) this.#update(metric, target, snapshot)
    return await this.registry.metrics()
  }

  #update({ read, labels }: ReadMetric, target: Counter | Gauge, snapshot: Snapshot): void {
    const [label] = Object.keys(labels)
    const allowed = label === undefined ? [ALONE] : (labels[label] ?? [])
    const values = read(snapshot)
    target.reset()
    if (label === undefined) target.remove() // a value that is absent now is not 0
    for (const value of allowed) {
      const number = values[value]
      if (number === undefined) continue
      if (label === undefined) target.inc(number)
      else target.inc({ [label]: value }, number)
    }
  }
}
