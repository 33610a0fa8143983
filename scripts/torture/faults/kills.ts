import type { Fault } from '../fault.js'
import type { Trial } from '../trial.js'
import { confirmFirst, noSync } from '../weakness.js'
import { type Activity, activities } from './activities.js'

/** Most operations that change the disk before the node dies: a group of envelopes takes two or more. */
const OPERATIONS = 60

/** Has the node die in the middle of what it does, at an operation drawn by lot. */
async function dieDuring(trial: Trial, activity: Activity): Promise<void> {
  await activity.run(trial, () => trial.page.set('dieAt', trial.page.get('ops') + trial.prng.between(1, OPERATIONS)))
  await trial.kill()
}

function killDuring(activity: Activity): Fault {
  return {
    name: `kill -9 during ${activity.name}`,
    weakness: confirmFirst,
    rounds: activity.rounds,
    runs: activity.runs,
    run: trial => dieDuring(trial, activity)
  }
}

function powerCutDuring(activity: Activity): Fault {
  return {
    name: `power cut during ${activity.name}`,
    weakness: noSync,
    rounds: activity.rounds,
    runs: activity.runs,
    async run(trial) {
      await dieDuring(trial, activity)
      trial.cutPower()
      if (!trial.prng.chance(0.25)) return
      // and once more while the node recovers
      trial.page.set('dieAt', trial.prng.between(1, 20))
      await trial.start().catch(() => {})
      await trial.kill()
      trial.cutPower()
    }
  }
}

export const kills: Fault[] = activities.flatMap(activity => [killDuring(activity), powerCutDuring(activity)])
