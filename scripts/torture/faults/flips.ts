import type { Fault } from '../fault.js'
import { flipBit } from '../flip.js'
import { beginAnew, noMarks, noRowCheck } from '../weakness.js'

const POSTS = 3000

/** The log holds what is not in a table yet: after a kill that is what came last. */
const inLog: Fault = {
  name: 'one flipped bit in the log',
  weakness: noMarks,
  rounds: 2,
  runs: { small: 2, full: 100 },
  async run(trial) {
    await trial.post(POSTS, { batch: 100 })
    await trial.kill()
    trial.note(flipBit(trial.database, 'log', trial.prng))
  }
}

/** At each opening LevelDB turns the log of the last time into a table. */
const inTable: Fault = {
  name: 'one flipped bit in a table',
  weakness: noRowCheck,
  rounds: 2,
  runs: { small: 2, full: 100 },
  async run(trial) {
    await trial.post(POSTS, { batch: 100 })
    await trial.reopen()
    await trial.kill()
    trial.note(flipBit(trial.database, 'table', trial.prng))
  }
}

const inManifest: Fault = {
  name: 'one flipped bit in the manifest',
  weakness: beginAnew,
  rounds: 1,
  runs: { small: 2, full: 100 },
  async run(trial) {
    await trial.post(POSTS / 10, { batch: 100 })
    await trial.reopen()
    await trial.stop()
    trial.note(flipBit(trial.database, 'manifest', trial.prng))
  }
}

export const flips: Fault[] = [inLog, inTable, inManifest]
