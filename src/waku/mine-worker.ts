import { threads } from '../base/worker-thread.js'
import { mineRange } from '../wire/envelope/pow.js'
import type { MineAnswer, MineTask } from './miner.js'

interface Port {
  on(event: 'message', listener: (task: MineTask) => void): unknown
  postMessage(answer: MineAnswer): void
}

// The worker thread: keeps nothing, so that whoever hands out the ranges may stop at any time.
const { parentPort } = threads() as { parentPort: Port }
parentPort.on('message', ({ shortRlp, bits, from, count }) => {
  parentPort.postMessage(mineRange(shortRlp, bits, from, count))
})
