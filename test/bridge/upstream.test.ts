import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Upstream } from '../../src/bridge/upstream.js'
import { aPeer } from '../mailserver/fixture.js'

test('who asks an upstream for little does not wait for each of those who ask for much', async () => {
  const dial = () => Promise.reject(new Error('not dialled'))
  const { queue } = new Upstream({ peer: await aPeer(), network: 'libp2p', dial })
  const order: string[] = []
  const keep = (address: string, time: number): Promise<unknown> =>
    queue.run({ peer: `of ${address}`, address }, () => {
      order.push(address)
      for (const until = performance.now() + time; performance.now() < until; );
    })
  const [blocked, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  void queue.run({ peer: 'first', address: 'first' }, () => {
    blocked.resolve()
    return release.promise
  })
  await blocked.promise
  const all = [1, 2, 3].flatMap(() => [keep('much', 60), keep('more', 60), keep('little', 0)])
  release.resolve()
  await Promise.all(all)
  assert.deepEqual(order.slice(0, 5), ['much', 'more', 'little', 'little', 'little'])
})
