import { WorkerThread } from '../base/worker-thread.js'
import type { MineAnswer, MineTask } from './miner.js'

/** A thread that searches nonces; undefined where there are none. In browsers its twin stands in. */
export function startMineThread(): WorkerThread<MineTask, MineAnswer> | undefined {
  return WorkerThread.start(new URL('./mine-worker.js', import.meta.url))
}
