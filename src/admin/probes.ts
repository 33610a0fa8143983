import { type AdminRoute, json, text } from './answer.js'
import type { NodeMetrics } from './node-metrics.js'
import type { Snapshot } from './snapshot.js'

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The three paths that need no token: what they say is numbers and closed names. */
export function probes(parts: {
  metrics: NodeMetrics
  snapshot(): Promise<Snapshot>
  /** Names of the checks that fail; none when the node serves. */
  failing(): Promise<string[]>
}): Array<[string, AdminRoute]> {
  // many who ask at once are answered with one look
  const metrics = shared(async () => await parts.metrics.text(await parts.snapshot()))
  const failing = shared(() => parts.failing())
  return [
    ['/metrics', { method: 'GET', open: true, answer: async () => ({ type: METRICS_TYPE, body: await metrics() }) }],
    ['/livez', { method: 'GET', open: true, answer: async () => text('alive') }],
    [
      '/readyz',
      {
        method: 'GET',
        open: true,
        async answer() {
          const failures = await failing()
          return json({ ready: failures.length === 0, failing: failures }, failures.length === 0 ? 200 : 503)
        }
      }
    ]
  ]
}

/** Whoever asks while the work is under way gets its result. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  return () => {
    running ??= work().finally(() => {
      running = undefined
    })
    return running
  }
}
