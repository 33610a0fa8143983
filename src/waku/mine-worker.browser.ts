import { mineRange } from '../wire/envelope/pow.js'
import type { MineTask } from './miner.js'

// The worker keeps nothing, so that whoever hands out the ranges may stop at any time.
addEventListener('message', ({ data }: MessageEvent<MineTask>) => {
  const { shortRlp, bits, from, count } = data
  postMessage(mineRange(shortRlp, bits, from, count))
})
