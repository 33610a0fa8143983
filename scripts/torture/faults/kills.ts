import type { Fault } from '../fault.js'
import type { Trial } from '../trial.js'
import { confirmFirst, noSync } from '../weakness.js'
import { type Activity, activities } from './activities.js'

/** Most operations that change the disk before the node dies: a group of envelopes takes two or more. */
const OPERATIONS = 60
/** The same while it starts, which takes about thirty. */
const START_OPERATIONS = 30
/** How often a node is cut off again while it recovers. */
const TWICE = 0.25

/** Has the node die in the middle of what it does, at an operation drawn by lot. */
export async function dieDuring(trial: Trial, activity: Activity): Promise<void> {
  await activity.run(trial, () => trial.page.set('dieAt', trial.page.get('ops') + trial.prng.between(1, OPERATIONS)))
  await trial.kill()
}

async function dieWhileStarting(trial: Trial): Promise<void> {
  trial.page.set('dieAt', trial.prng.between(1, START_OPERATIONS))
  await trial.start().catch(() => {})
  await trial.kill()
}

function killDuring(activity: Activity): Fault {
  return {
    ...activity,
    name: `kill -9 during ${activity.name}`,
    weakness: confirmFirst,
    run: trial => dieDuring(trial, activity)
  }
}

function powerCutDuring(activity: Activity): Fault {
  return {
    ...activity,
    name: `power cut during ${activity.name}`,
    weakness: noSync,
    async run(trial) {
      await dieDuring(trial, activity)
      trial.cutPower()
      if (!trial.prng.chance(TWICE)) return
      await dieWhileStarting(trial)
      trial.cutPower()
    }
  }
}

/** The last write is partly there, and what stands behind it on the disk is something else. */
function tornTailDuring(activity: Activity): Fault {
  return {
    ...activity,
    name: `torn tail during ${activity.name}`,
    weakness: noSync,
    async run(trial) {
      trial.page.set('diePart', trial.prng.below(1000))
      await dieDuring(trial, activity)
      trial.cutPower({ torn: true })
    }
  }
}

export const kills: Fault[] = [killDuring, powerCutDuring, tornTailDuring].flatMap(fault => activities.map(fault))
