import { mineRange } from '../wire/pow.js'
import { type MineTask, threads } from './mine-worker-host.js'

interface Port {
  on(event: 'message', listener: (task: MineTask) => void): unknown
  postMessage(answer: { nonce: bigint | undefined }): void
}

// The worker thread: keeps nothing, so that whoever hands out the ranges may stop at any time.
const { parentPort } = threads() as { parentPort: Port }
parentPort.on('message', ({ shortRlp, bits, from, count }) => {
  parentPort.postMessage({ nonce: mineRange(shortRlp, bits, from, count) })
})
