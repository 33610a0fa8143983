import type { AppendOutcome } from '../archive/archive.js'
import type { AnsweredRequest } from '../mailserver/answered-request.js'
import type { AppendMeasure } from '../mailserver/topic-store.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { BusyTopics } from './busy-topics.js'
import { isTraffic } from './canary-record.js'
import { NodeMetrics } from './node-metrics.js'
import { RecentFailures } from './recent-failures.js'
import { Samples } from './samples.js'

/** Takes down what happens in a node, from before it runs. */
export class Recorder {
  readonly metrics = new NodeMetrics()
  readonly samples = new Samples()
  readonly failures = new RecentFailures()
  readonly topics = new BusyTopics()
  /** When an envelope was stored last, Unix seconds. */
  lastStored: number | undefined

  readonly onAnswered = (answered: AnsweredRequest): void => {
    this.metrics.answered(answered)
    this.samples.answered(answered)
    this.failures.answered(answered)
  }

  readonly onStored = (error?: Error, append?: AppendMeasure): void => {
    if (append === undefined || error !== undefined) return
    this.metrics.appended(append)
  }

  /** To be told of what is on disk. A canary is no sign that anybody sends something, nor is what was stored before. */
  readonly onAppended = (envelopes: readonly Envelope[], outcomes: readonly AppendOutcome[]): void => {
    const traffic = envelopes.filter((envelope, i) => outcomes[i] !== 'known' && isTraffic(envelope))
    if (traffic.length === 0) return
    this.topics.stored(traffic)
    this.lastStored = Math.floor(Date.now() / 1000)
  }
}
