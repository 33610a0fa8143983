import { anySignal } from './any-signal.js'
import { backOff, type Pauses } from './back-off.js'
import { delay } from './delay.js'

export interface Persistence extends Pauses {
  /** What was reached for so long, ms, makes the pauses begin anew: a peer that accepts and hangs up at once is no reason to hurry. */
  steady: number
}

/**
 * Attempts again and again until `until` aborts, with growing pauses in between. Never rejects.
 *
 * @param attempt resolves when what it reached is over, rejects when it reached nothing. Its signal is one of its own: many persist on
 *   the same one, and each would listen there
 */
export async function persist(
  attempt: (signal: AbortSignal) => Promise<unknown>,
  until: AbortSignal,
  { steady, ...pauses }: Persistence
): Promise<void> {
  const signal = anySignal([until])
  for (let failures = 0; !signal.aborted; failures++) {
    const since = performance.now()
    await attempt(signal).catch(() => {}) // whoever wants to tell does so in the attempt
    if (performance.now() - since >= steady) failures = 0
    await delay(backOff(failures, pauses), { signal }).catch(() => {})
  }
}
