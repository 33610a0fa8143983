import { type AdminRoute, json, text } from './answer.js'
import type { Overview } from './overview.js'

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The three paths that need no token: what they say is numbers and closed names. */
export function probes(overview: Overview): Array<[string, AdminRoute]> {
  // many who ask at once are answered with one look
  const metrics = shared(async () => await overview.recorder.metrics.text(await overview.snapshot()))
  return [
    ['/metrics', { method: 'GET', open: true, answer: async () => ({ type: METRICS_TYPE, body: await metrics() }) }],
    ['/livez', { method: 'GET', open: true, answer: async () => text('alive') }],
    [
      '/readyz',
      {
        method: 'GET',
        open: true,
        async answer() {
          const failures = await overview.health.failing()
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
