import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prefetch } from '../../src/mailclient/prefetch.js'

/** Counts what was asked of it. */
class Source {
  asked = 0
  ended = false

  async *items(count: number, error?: Error): AsyncGenerator<number, void> {
    try {
      for (let i = 0; i < count; i++) {
        this.asked++
        yield i
      }
      if (error !== undefined) throw error
    } finally {
      this.ended = true
    }
  }
}

const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const limits = { isFull: (held: readonly number[]) => held.length >= 2 }

test('all items come in order', async () => {
  const seen: number[] = []
  for await (const item of prefetch(new Source().items(20), limits)) seen.push(item)
  assert.deepEqual(seen, [...Array(20).keys()])
})

test('so many are held beside the one that is consumed', async () => {
  for (const [given, ahead] of [
    [limits, 2],
    [{ isFull: (held: readonly number[]) => 2 * held.length >= 5 }, 3],
    [{ isFull: () => true }, 1]
  ] as const) {
    const source = new Source()
    const items = prefetch(source.items(20), given)
    await items.next()
    await settled()
    assert.equal(source.asked, 1 + ahead)
    await items.next()
    await settled()
    assert.equal(source.asked, 2 + ahead)
    await items.return()
  }
})

test('an error comes after the items before it', async () => {
  const seen: number[] = []
  await assert.rejects(async () => {
    for await (const item of prefetch(new Source().items(5, new Error('over')), limits)) seen.push(item)
  }, /over/)
  assert.deepEqual(seen, [0, 1, 2, 3, 4])
})

test('leaving early ends the source, and its late error bothers nobody', async () => {
  const source = new Source()
  for await (const _item of prefetch(source.items(20), limits)) break
  await settled()
  assert.equal(source.ended, true)
  assert.equal(source.asked <= 3, true)
  const failing = prefetch(new Source().items(1, new Error('nobody cares')), limits)
  await failing.next()
  await failing.return()
  await settled()
})

test('a signal ends the source also while nobody takes what is ready', async () => {
  const source = new Source()
  const stop = new AbortController()
  const items = prefetch(source.items(20), { ...limits, signal: stop.signal })
  assert.equal((await items.next()).value, 0)
  await settled()
  stop.abort(new Error('enough'))
  await settled()
  assert.equal(source.ended, true)
  assert.deepEqual([(await items.next()).value, (await items.next()).value], [1, 2])
  await assert.rejects(items.next(), /enough/)
})
