import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

const KEEPER = new URL('../../src/node/close-heap.js', import.meta.url).href

/** Keeps 50 MiB and replaces each part of it many times; prints the largest heap, in MiB. */
const CHURN = `
  const kept = Array.from({ length: 500 }, () => new Array(13_000).fill(0))
  let most = 0
  for (let i = 0; i < 10_000; i++) {
    kept[i % 500] = new Array(13_000).fill(i)
    most = Math.max(most, process.memoryUsage().heapUsed)
    if (i % 20 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  console.log(most / 2 ** 20)
`

async function mostHeap(before: string): Promise<number> {
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', before + CHURN])
  return Number(stdout)
}

test('what nobody needs any more is collected when it is half of what is needed; the control waits for more', async () => {
  const close = await mostHeap(`import { keepHeapClose } from '${KEEPER}'\nkeepHeapClose()\n`)
  const usual = await mostHeap('')
  assert.ok(usual > 1.4 * close, `${close} MiB, ${usual} without`)
})
