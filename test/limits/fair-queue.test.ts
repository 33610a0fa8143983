import { Narrowing } from '../../src/limits/narrowing.js'
import { StartRate } from '../../src/limits/start-rate.js'
import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { setMaxListeners } from 'node:events'
import { test } from 'node:test'
import { FairQueue } from '../../src/limits/fair-queue.js'
import type { Origin } from '../../src/limits/origin.js'
import { UsedTime } from '../../src/limits/used-time.js'

const { signal } = new AbortController()
setMaxListeners(0, signal)

/** A requester, at an address of its own unless said otherwise. */
const by = (peer: string, address = `of ${peer}`): Origin => ({ peer, address })

/** A queue whose only place is taken until it is let go. */
function blocked(): { queue: FairQueue; release: () => void } {
  const queue = new FairQueue(1)
  const { promise, resolve } = Promise.withResolvers<void>()
  void queue.run(by('blocker'), () => promise, { signal })
  return { queue, release: resolve }
}

test('owners take turns, whatever each has waiting', async () => {
  const { queue, release } = blocked()
  const order: string[] = []
  const waiting = ['greedy', 'greedy', 'greedy', 'a', 'b', 'a'].map((owner, i) =>
    queue.run(by(owner), () => order.push(`${owner} ${i}`), { signal })
  )
  release()
  await Promise.all(waiting)
  assert.deepEqual(order, ['greedy 0', 'a 3', 'b 4', 'greedy 1', 'a 5', 'greedy 2'])
})

test('an address takes one turn at a time, however many peers it has', async () => {
  const { queue, release } = blocked()
  const order: string[] = []
  const crowd = ['a', 'b', 'c', 'a'].map(peer => by(peer, 'crowd'))
  const waiting = [...crowd, by('alone'), by('other'), by('alone')].map(requester =>
    queue.run(requester, () => order.push(requester.peer), { signal })
  )
  release()
  await Promise.all(waiting)
  assert.deepEqual(order, ['a', 'alone', 'other', 'b', 'alone', 'c', 'a'])
})

test('no more run at a time than allowed', async () => {
  const queue = new FairQueue(3)
  let running = 0
  let most = 0
  const work = async (): Promise<void> => {
    most = Math.max(most, ++running)
    await new Promise(resolve => setImmediate(resolve))
    running--
  }
  await Promise.all(Array.from({ length: 20 }, (_, i) => queue.run(by(`owner ${i % 4}`), work, { signal })))
  assert.equal(most, 3)
})

test('one that gives up leaves its place to the next', async () => {
  const { queue, release } = blocked()
  const gone = new AbortController()
  const given = queue.run(by('gone'), () => 'never', { signal: gone.signal })
  const next = queue.run(by('next'), () => 'done', { signal })
  gone.abort(new Error('gone'))
  await assert.rejects(given, /gone/)
  release()
  assert.equal(await next, 'done')
  await assert.rejects(
    queue.run(by('gone'), () => 'never', { signal: gone.signal }),
    /gone/
  )
})

test('work that fails frees its place', async () => {
  const queue = new FairQueue(1)
  await assert.rejects(
    queue.run(
      by('a'),
      () => {
        throw new Error('failed')
      },
      { signal }
    ),
    /failed/
  )
  assert.equal(await queue.run(by('a'), () => 1, { signal }), 1)
})

test('a queue has its turn beside one that uses up each turn of the event loop', async () => {
  const [greedy, polite] = [new FairQueue(1), new FairQueue(1)]
  let done = 0
  const busy = (): void => {
    const until = performance.now() + 4
    while (performance.now() < until);
    done++
  }
  const pieces = Array.from({ length: 40 }, () => greedy.run(by('greedy'), busy))
  await pieces[1]
  const seen = await polite.run(by('polite'), () => done)
  await Promise.all(pieces)
  assert.ok(seen <= 5, `${seen} pieces of the other came before it`)
})

test('with a rate so many begin at once, and what comes faster waits, addresses in turns', async () => {
  const turns = new FairQueue(1, () => {}, { rate: new StartRate({ perSecond: 50, atOnce: 2 }) })
  const { promise, resolve } = Promise.withResolvers<void>()
  const started = performance.now()
  const first = turns.run(by('first'), () => promise, { signal })
  const order: string[] = []
  const works = ['a1', 'a2', 'a3', 'b1', 'a4'].map(name =>
    turns.run(by(name, name[0]), () => void order.push(name), { signal })
  )
  resolve()
  await Promise.all([first, ...works])
  assert.deepEqual(order, ['a1', 'b1', 'a2', 'a3', 'a4'])
  assert.ok(performance.now() - started >= (4 * 1000) / 50, 'all but two of them waited for the rate')
})

test('with a rate nobody is forgotten whose turn comes while it is looked at', async () => {
  let now = 0
  let looks = 0
  // each look at the clock takes some time
  const clock = (): number => {
    now += [0.3, 0.7, 0.45, 0.9][looks++ % 4] as number
    return now
  }
  const turns = new FairQueue(1, () => {}, { rate: new StartRate({ perSecond: 200, atOnce: 1, now: clock }) })
  const works = Array.from({ length: 30 }, (_, i) => turns.run(by(`${i % 5}`), () => i, { signal }))
  assert.equal((await Promise.all(works)).length, 30)
})

test('where time counts, who asked for little comes before those that asked for much', async () => {
  let now = 0
  const queue = new FairQueue(1, () => {}, { used: new UsedTime(() => now) })
  const order: string[] = []
  const work = (name: string, time: number) => (): void => {
    now += time
    order.push(name)
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  const blocked = queue.run(by('blocker'), () => promise)
  const waiting = [
    ...[1, 2, 3].flatMap(i => ['a', 'b'].map(peer => queue.run(by(peer), work(`${peer}${i}`, 100)))),
    ...[1, 2, 3, 4].map(i => queue.run(by('cheap'), work(`cheap${i}`, 10)))
  ]
  resolve()
  await Promise.all([blocked, ...waiting])
  assert.deepEqual(order, ['a1', 'b1', 'cheap1', 'cheap2', 'cheap3', 'cheap4', 'a2', 'b2', 'a3', 'b3'])
})

test('nobody saves up time: who comes back begins where the others are, and who is forgotten as well', () => {
  let now = 0
  const used = new UsedTime(() => now)
  const spend = (address: string, time: number): void => {
    const over = used.begin(address)
    now += time
    over()
  }
  spend('a', 10)
  for (let i = 0; i < 100; i++) spend('busy', 10)
  assert.equal(used.least(['busy', 'a']), 'a')
  spend('a', 10)
  assert.equal(used.least(['a', 'busy']), 'a', 'ten of a thousand')
  spend('a', 10)
  assert.equal(used.least(['a', 'busy']), 'busy', 'not a thousand')
  for (let i = 0; i < 2000; i++) spend(`of ${i}`, 1)
  assert.equal(used.least(['unknown', 'busy']), 'unknown')
})

test('work counts what it cost where that is told, not how long it lasted beside others', async () => {
  let now = 0
  const turns = new FairQueue(1, () => {}, { used: new UsedTime(() => now) })
  const order: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const blocked = turns.run(by('blocker'), () => promise)
  /** All last as long, since a busy node keeps each of them waiting. */
  const ask = (name: string, cost: number | undefined): Promise<unknown> => {
    const work = (): void => {
      now += 20
      order.push(name)
    }
    return turns.run(by(name), work, { cost: () => cost })
  }
  const waiting = [1, 2, 3].flatMap(() => [ask('much', 15), ask('little', 1), ask('unknown', undefined)])
  resolve()
  await Promise.all([blocked, ...waiting])
  assert.deepEqual(order, ['much', 'little', 'unknown', 'little', 'little', 'much', 'unknown', 'much', 'unknown'])
})

test('a queue is not idle while somebody waits for the next turn of the event loop', async () => {
  const turns = new FairQueue(2)
  const until = performance.now() + 4
  void turns.run(by('a'), () => {
    while (performance.now() < until);
  })
  const waiting = turns.run(by('b'), () => {})
  assert.equal(turns.idle, false)
  await waiting
  assert.equal(turns.idle, true)
})

test('while addresses share full turns of the event loop, a queue that narrows does one piece at a time, and then as many as it may again', async () => {
  /** How many run when one begins, on average: a machine that stops for a while may let in one more. */
  const running = async (narrows: boolean, busy: number, addresses = 4): Promise<number> => {
    const turns = new FairQueue(4, () => {}, { narrowing: narrows ? new Narrowing() : undefined })
    const seen: number[] = []
    let now = 0
    const work = async (): Promise<void> => {
      seen.push(++now)
      for (const until = performance.now() + busy; performance.now() < until; );
      for (let rounds = 0; rounds < 8; rounds++) await new Promise(resolve => setImmediate(resolve))
      now--
    }
    await Promise.all(Array.from({ length: 40 }, (_, i) => turns.run(by(`owner ${i % addresses}`), work, { signal })))
    return seen.reduce((sum, count) => sum + count, 0) / seen.length
  }
  assert.ok((await running(true, 4)) < 2)
  assert.ok((await running(false, 4)) > 2)
  assert.ok((await running(true, 0)) > 2)
  assert.ok((await running(true, 4, 1)) > 2, 'who is alone has all places')
})
