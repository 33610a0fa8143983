import { webWorker } from '../base/web-worker.js'
import { WorkerThread } from '../base/worker-thread.js'
import type { MineAnswer, MineTask } from './miner.js'

/** A worker that searches nonces; undefined where there are none. */
export function startMineThread(): WorkerThread<MineTask, MineAnswer> | undefined {
  try {
    // bundlers look for exactly this; where one does not, the file is missing and the miner goes on without
    return new WorkerThread(
      webWorker(new Worker(new URL('./mine-worker.browser.js', import.meta.url), { type: 'module' }))
    )
  } catch {
    return undefined
  }
}
