import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Prng } from '../../../test/archive/prng.js'
import type { Activity } from '../faults/activities.js'
import { NotServingError } from '../node-process.js'
import type { Tools } from '../part.js'
import { Trial, type TrialInit } from '../trial.js'
import type { Weakness } from '../weakness.js'
import { leave, type Recorded } from './cut.js'

/** Posted once the activity is over, or the node has recovered. */
const POSTS = 400
/** One packet at a time: what is confirmed then was the last thing that the node did. Several: others wait meanwhile. */
const WINDOWS = [1, 6]

type Init = Tools & { seed: number; weakness?: Weakness }

/** Runs an activity from an empty data dir on, until after its end. */
export function recordRun(activity: Activity, init: Init): Promise<Recorded> {
  const folder = join(init.folder, 'run')
  mkdirSync(folder, { recursive: true })
  return record({ ...init, folder }, async trial => {
    await activity.run(trial, () => {})
    await activity.resume?.(trial)
  })
}

/** Cuts the power of a run somewhere, and records how the node comes back and goes on. */
export function recordAgain(run: Recorded, prng: Prng, init: Init): Promise<Recorded> {
  const position = prng.pick(run.recording.positions)
  const folder = join(init.folder, 'again')
  leave(run, { kind: 'power cut', position, place: folder, prng })
  const ledger = (moment: () => number) => run.ledger.asOf(position, moment)
  return record({ ...init, folder, ledger }, async () => {})
}

/** A power cut while LevelDB repairs leaves a manifest that it never synced: the node says so, and a repair begins again. */
async function startMended(trial: Trial): Promise<void> {
  try {
    await trial.start()
  } catch (err) {
    if ((err as Error).name !== NotServingError.name) throw err
    await trial.run(['repair'])
    await trial.start()
  }
}

async function record(
  { library, client, ...init }: Init & Pick<TrialInit, 'ledger'>,
  run: (trial: Trial) => Promise<void>
): Promise<Recorded> {
  const window = WINDOWS[init.seed % WINDOWS.length]
  const trial = new Trial({ ...init, library, client, window, record: true })
  try {
    await startMended(trial)
    await run(trial)
    await trial.post(POSTS)
    await trial.kill()
    return { recording: trial.recording, ledger: trial.ledger }
  } finally {
    await trial.end()
  }
}
