import type { Fault } from '../fault.js'
import { flipBit } from '../flip.js'
import type { Trial } from '../trial.js'
import { beginAnew, noMarks, noRowCheck, type Weakness } from '../weakness.js'
import { type Activity, activities } from './activities.js'
import { dieDuring } from './kills.js'

const POSTS = 500
const RUNS = { small: 1, full: 20 }

/**
 * The node is killed in the middle of an activity, and one bit of what it leaves is another.
 *
 * @param before what has to be there
 */
function flipped(
  kind: 'log' | 'table' | 'manifest',
  weakness: Weakness,
  before: (trial: Trial) => Promise<void>
): (activity: Activity) => Fault {
  return activity => ({
    ...activity,
    name: `one flipped bit in ${kind === 'manifest' ? 'the manifest' : `a ${kind}`} after ${activity.name}`,
    weakness,
    rounds: 1,
    runs: RUNS,
    async run(trial) {
      await before(trial)
      await dieDuring(trial, activity)
      trial.note(flipBit(trial.database, kind, trial.prng))
    }
  })
}

const post = (trial: Trial): Promise<void> => trial.post(POSTS, { batch: 100 })

/** At each opening LevelDB turns the log of the last time into a table. */
async function postAndReopen(trial: Trial): Promise<void> {
  await post(trial)
  await trial.reopen()
}

export const flips: Fault[] = [
  // the log holds what is not in a table yet: after a kill that is what came last
  flipped('log', noMarks, post),
  flipped('table', noRowCheck, postAndReopen),
  flipped('manifest', beginAnew, postAndReopen)
].flatMap(fault => activities.map(fault))
