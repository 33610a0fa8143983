import { constants } from 'node:os'
import type { Fault } from '../fault.js'
import type { Judgement } from '../judgement.js'
import type { Trial } from '../trial.js'
import { hideReadErrors, hideWriteErrors } from '../weakness.js'
import { type Activity, activities } from './activities.js'

const { EIO } = constants.errno
const DAY = 86_400
const RUNS = { small: 1, full: 20 }

/** What is stored before. */
const POSTS = 500
/** Bytes that are left on a disk that is nearly full. */
const ROOM = 100_000
/** Operations until a disk begins to fail. */
const OPERATIONS = 40

/**
 * Writing fails in the middle of an activity and works again later, without a restart. Meanwhile everything can be read. Then the
 * power goes: what could not be synced is not there.
 */
function writingFails(name: string, set: (trial: Trial) => void): (activity: Activity) => Fault {
  return activity => ({
    ...activity,
    name: `${name} during ${activity.name}`,
    weakness: hideWriteErrors,
    rounds: 1,
    runs: RUNS,
    async run(trial: Trial, judgement: Judgement) {
      await trial.post(POSTS)
      await activity.run(trial, () => {
        trial.page.set('failFrom', trial.page.get('ops') + trial.prng.below(OPERATIONS))
        set(trial)
      })
      trial.struck()
      await judgement.look(trial, { passing: true })
      trial.page.reset()
      await trial.storesAgain()
      await trial.kill()
      trial.cutPower()
    }
  })
}

const full = writingFails('no space (ENOSPC)', ({ page, prng }) => page.set('room', prng.below(ROOM)))
const broken = writingFails('write error (EIO)', ({ page, prng }) =>
  page.set(prng.chance(0.5) ? 'writeError' : 'syncError', EIO)
)

/**
 * Tables cannot be read for a while. LevelDB maps those that it has opened, so this needs some that nobody has looked at since
 * the start: what lies between the oldest and the newest, in tables of a level where each holds a range of its own.
 */
function readingFails(activity: Activity): Fault {
  return {
    ...activity,
    name: `read error (EIO) during ${activity.name}`,
    weakness: hideReadErrors,
    rounds: 1,
    runs: RUNS,
    async run(trial, judgement) {
      await trial.post(10, { age: 3 * DAY, ttl: 5 * DAY })
      trial.ledger.giveUpBefore(trial.now - DAY)
      await trial.post(400, { size: 20_000 })
      await trial.reopen()
      await trial.post(400, { size: 20_000 })
      // merges the tables of both halves and cuts them anew
      await trial.ask('prune', { before: trial.now - DAY })
      await trial.reopen()
      // at rest first: when merging tables fails too, the archive says of itself that it cannot be read
      trial.page.set('readError', EIO)
      await judgement.look(trial, { passing: true })
      trial.struck()
      trial.page.set('readError', 0)
      await activity.run(trial, () => trial.page.set('readError', EIO))
      await judgement.look(trial, { passing: true })
      trial.page.reset()
      await trial.storesAgain()
      await judgement.look(trial)
      await trial.kill()
    }
  }
}

export const diskErrors: Fault[] = [full, broken, readingFails].flatMap(fault => activities.map(fault))
