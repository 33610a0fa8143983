import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Upstream } from '../../src/bridge/upstream.js'
import type { Network } from '../../src/waku/packet-channel.js'
import { aPeer } from '../mailserver/fixture.js'

const MUCH = 15
const { signal } = new AbortController()

async function anUpstream(network: Network): Promise<Upstream> {
  return new Upstream({ peer: await aPeer(), network, dial: () => Promise.reject(new Error('not dialled')) })
}

const of = (address: string) => ({ peer: `of ${address}`, address })

/** Has a turn for each of a list, one begun after the other, and notes it in `order`. */
function ask(upstream: Upstream, asked: readonly [address: string, cost: number][], order: string[]): Promise<void>[] {
  return asked.map(async ([address, cost]) => {
    const turn = await upstream.turn(of(address), signal)
    order.push(address)
    // each keeps it for as long as the others
    for (const until = performance.now() + 20; performance.now() < until; );
    turn.end(cost)
  })
}

test('who asks an upstream for little does not wait for each of those who ask for much', async () => {
  const upstream = await anUpstream('devp2p')
  const order: string[] = []
  const blocked = await upstream.turn(of('first'), signal)
  const all = ask(
    upstream,
    [1, 2, 3].flatMap(() => [
      ['much', MUCH],
      ['more', MUCH],
      ['little', 1]
    ]),
    order
  )
  assert.equal(blocked.isAwaited, true)
  blocked.end(1)
  await Promise.all(all)
  assert.deepEqual(order.slice(0, 5), ['much', 'more', 'little', 'little', 'little'])
})

test('who is known to ask for little has places at a libp2p upstream that others have not, and one large answer ends that', async () => {
  const upstream = await anUpstream('libp2p')
  await Promise.all(ask(upstream, [['little', 1]], []))
  const much = [await upstream.turn(of('much'), signal), await upstream.turn(of('more'), signal)]
  const order: string[] = []
  const waiting = ask(upstream, [['stranger', 1]], order)
  await Promise.all(ask(upstream, [['little', MUCH]], order))
  assert.deepEqual(order, ['little'])
  waiting.push(...ask(upstream, [['little', 1]], order))
  await Promise.all(ask(await anUpstream('libp2p'), [['little', 1]], []))
  assert.deepEqual(order, ['little'], 'it waits now, as the stranger does')
  for (const turn of much) turn.end(MUCH)
  await Promise.all(waiting)
  assert.equal(order.length, 3)
})
