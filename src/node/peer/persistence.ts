import { setTimeout as sleep } from 'node:timers/promises'
import * as FIGURES from '../../limits/figures.js'

export interface PersistenceInit {
  /** Pause before the second attempt, ms; doubles up to `maxPause`. @default 1000 */
  minPause?: number | undefined
  /** @default 60000 */
  maxPause?: number | undefined
}

/**
 * Attempts again and again until `signal` aborts, with growing pauses in between. Never rejects.
 *
 * @param attempt resolves when what it reached is over, rejects when it reached nothing
 */
export async function persist(
  attempt: () => Promise<void>,
  signal: AbortSignal,
  { minPause = FIGURES.redial.first, maxPause = FIGURES.redial.longest }: PersistenceInit = {}
): Promise<void> {
  let pause = minPause
  while (!signal.aborted) {
    const since = Date.now()
    await attempt().catch(() => {}) // whoever wants to tell does so in the attempt
    // a peer that accepts and hangs up at once is no reason to hurry
    pause = Date.now() - since > maxPause ? minPause : Math.min(pause * 2, maxPause)
    await sleep((pause / 2) * (1 + Math.random()), undefined, { signal }).catch(() => {})
  }
}
