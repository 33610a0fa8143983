import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from '../fault.js'
import { confirmFirst } from '../weakness.js'

const STALL_MS = 10_000

/** The disk answers nothing for 10 s while posts come in; everything is confirmed then. The next time the power goes before it does. */
export const stall: Fault = {
  name: 'a disk that stalls for 10 s',
  weakness: confirmFirst,
  rounds: 1,
  runs: { small: 1, full: 10 },
  async run(trial, judgement) {
    await trial.post(500)
    trial.page.set('stall', 1)
    const posting = trial.post(2000)
    await delay(STALL_MS / 2)
    await judgement.look(trial, { passing: true })
    await delay(STALL_MS / 2)
    trial.struck()
    trial.page.set('stall', 0)
    await posting
    trial.page.set('stall', 1)
    const stuck = trial.post(500)
    await delay(500)
    await trial.kill()
    await stuck
    trial.cutPower()
  }
}
