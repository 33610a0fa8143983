import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const HELD_OPEN = new URL('../../src/cli/held-open.js', import.meta.url).href

/** The exit code of a program whose last wait is for a deadline that holds up no exit. */
function exitOf(wait: string): number | null {
  const program = `
    import { heldOpen } from ${JSON.stringify(HELD_OPEN)}
    const work = new Promise(resolve => AbortSignal.timeout(50).addEventListener('abort', () => resolve(7)))
    process.exitCode = await ${wait}`
  return spawnSync(process.execPath, ['--input-type=module', '--eval', program], { timeout: 30_000 }).status
}

test('a command whose last wait is a deadline ends by the deadline, not by having nothing to do', () => {
  assert.equal(exitOf('work'), 13, 'without it the process ends first')
  assert.equal(exitOf('heldOpen(work)'), 7)
})
