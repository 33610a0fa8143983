import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from '../fault.js'
import type { Judgement } from '../judgement.js'
import type { Trial } from '../trial.js'
import { confirmFirst } from '../weakness.js'
import { type Activity, activities } from './activities.js'

const STALL_MS = 10_000
/** How long a node may take to confirm what it has not written, if it does. */
const TEMPTED = { seconds: 3 }

/**
 * The disk answers nothing for 10 s in the middle of an activity, while everything can be read; everything goes on then. The next
 * time the power goes before it does. Where LevelDB begins a log or deletes a file it locks everybody out meanwhile: who asks for
 * something then gets it when the disk goes on.
 */
function stallsDuring(activity: Activity): Fault {
  return {
    ...activity,
    name: `a disk that stalls for 10 s during ${activity.name}`,
    weakness: confirmFirst,
    rounds: 1,
    runs: { small: 1, full: 10 },
    async run(trial, judgement) {
      let over: Promise<void> | undefined
      await activity.run(trial, () => {
        over = stall(trial, judgement)
        over.catch(() => {}) // it is awaited below
      })
      await over
      await trial.storesAgain()
      const before = trial.page.get('hits')
      trial.page.set('stall', 1)
      const stuck = trial.post(500)
      await trial.until(() => trial.page.get('hits') > before)
      const { acknowledged } = trial.ledger
      await trial.until(() => trial.ledger.acknowledged > acknowledged, TEMPTED).catch(() => {})
      await trial.kill()
      await stuck
      trial.cutPower()
    }
  }
}

async function stall(trial: Trial, judgement: Judgement): Promise<void> {
  trial.page.set('stall', 1)
  // whatever comes of the look: it may have to wait for this
  const over = delay(STALL_MS).then(() => trial.page.set('stall', 0))
  await delay(STALL_MS / 2)
  await judgement.look(trial, { passing: true })
  await over
  trial.struck()
}

export const stalls: Fault[] = activities.map(stallsDuring)
