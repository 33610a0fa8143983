import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { doubled, spread } from '../../src/base/back-off.js'
import { persist } from '../../src/base/persist.js'
import { listenerWarnings } from '../helpers/warnings.js'

const PAUSES = { first: 1, longest: 4, steady: 60_000 }

test('pauses double up to the longest, and are spread by a quarter', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 2000].map(failures => doubled(failures, PAUSES)),
    [1, 2, 4, 4, 4]
  )
  for (let i = 0; i < 1000; i++) {
    const ms = spread(100)
    assert.ok(ms >= 75 && ms < 125, `${ms}`)
  }
})

test('what fails is attempted again until the signal aborts, by however many on one signal', async t => {
  const warnings = listenerWarnings(t)
  const stop = new AbortController()
  const attempts = Array.from({ length: 12 }, () => 0)
  const loops = attempts.map((_, i) => {
    const attempt = async (): Promise<void> => {
      attempts[i] = (attempts[i] ?? 0) + 1
      if (attempts.every(count => count >= 3)) stop.abort()
      throw new Error('not there')
    }
    return persist(attempt, stop.signal, PAUSES)
  })
  await Promise.all(loops)
  assert.ok(attempts.every(count => count >= 3))
  assert.deepEqual(warnings, [])
})

test('an attempt under way hears at once that it should end', async () => {
  const stop = new AbortController()
  const started = Promise.withResolvers<void>()
  let reason: unknown
  const attempt = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason
        reject(new Error('it ended'))
      })
      started.resolve()
    })
  const over = persist(attempt, stop.signal, { ...PAUSES, first: 60_000, longest: 60_000 })
  await started.promise
  stop.abort(new Error('enough'))
  await over
  assert.equal((reason as Error).message, 'enough')
})
