import type { Fault } from '../fault.js'
import { MissedError } from '../missed.js'
import type { Trial } from '../trial.js'
import { keepTooOld } from '../weakness.js'
import { type Activity, activities } from './activities.js'

const DAY = 86_400
const RETENTION = 30 * DAY
const POSTS = 100

/**
 * The clock of a running node jumps by a day in the middle of an activity, and by two the other way later on, with a restart at
 * each, and is right again at the end. Envelopes come by the right clock and by the wrong one. Some are so old that the retention
 * of a clock that is ahead deletes them: those must be refused then.
 */
function clockDuring(activity: Activity): Fault {
  return {
    ...activity,
    name: `a clock that jumps a day ahead and back during ${activity.name}`,
    weakness: keepTooOld,
    rounds: 1,
    runs: { small: 1, full: 20 },
    async run(trial) {
      const first = trial.prng.chance(0.5) ? DAY : -DAY
      await activity.run(trial, () => trial.page.set('clockShift', first))
      for (const shift of [first, -first]) {
        trial.page.set('clockShift', shift)
        const old = shift > 0 || first > 0
        await byBothClocks(trial, shift, old)
        if (trial.page.get('clockReads') === 0) throw new MissedError('nobody read the clock that was shifted')
        await trial.reopen()
        await byBothClocks(trial, shift, old)
      }
      trial.page.set('clockShift', 0)
      await trial.post(POSTS)
      await trial.stop()
    }
  }
}

/** @param old also what the retention of a clock that is ahead deletes: not before one comes, which would do so rightly */
async function byBothClocks(trial: Trial, shift: number, old: boolean): Promise<void> {
  await trial.post(POSTS)
  await trial.post(POSTS, { now: trial.now - shift, ttl: 3 * DAY })
  if (!old) return
  await trial.post(POSTS, { now: trial.now - shift, age: RETENTION - DAY / 2, ttl: RETENTION + 10 * DAY })
}

export const clocks: Fault[] = activities.map(clockDuring)
