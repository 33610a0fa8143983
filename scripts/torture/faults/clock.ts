import type { Fault } from '../fault.js'
import type { Trial } from '../trial.js'
import { keepTooOld } from '../weakness.js'

const DAY = 86_400
const RETENTION = 30 * DAY
const POSTS = 300

/**
 * The clock of a running node jumps ahead by a day and back by two, with a restart at each, and is right again at the end.
 * Envelopes come by the right clock and by the wrong one. Some are so old that the retention of a clock that is ahead deletes
 * them: those must be refused then.
 */
export const clock: Fault = {
  name: 'a clock that jumps a day ahead and back',
  weakness: keepTooOld,
  rounds: 1,
  runs: { small: 1, full: 20 },
  async run(trial) {
    await trial.post(POSTS)
    for (const shift of [DAY, -DAY]) {
      trial.page.set('clockShift', shift)
      await byBothClocks(trial, shift)
      if (trial.page.get('clockReads') === 0) throw new Error('the node does not read the clock that was shifted')
      await trial.reopen()
      await byBothClocks(trial, shift)
    }
    trial.page.set('clockShift', 0)
    await trial.post(POSTS)
    await trial.stop()
  }
}

async function byBothClocks(trial: Trial, shift: number): Promise<void> {
  await trial.post(POSTS)
  await trial.post(POSTS, { now: trial.now - shift, ttl: 3 * DAY })
  await trial.post(POSTS, { now: trial.now - shift, age: RETENTION - DAY / 2, ttl: RETENTION + 10 * DAY })
}
