import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnCost } from '../../src/bridge/turn-cost.js'

const KIB = 1024

/** A turn under a clock that stands still; `far` ms are the way to the upstream and back. */
function turnAt(far: number): { cost: TurnCost; upstream: { way: number }; pass(ms: number): void } {
  let now = 0
  const upstream = { way: far }
  return {
    upstream,
    cost: new TurnCost(upstream, () => now),
    pass: ms => {
      now += ms
    }
  }
}

/** What a turn costs in which so much came after so many ms. */
function costOf(far: number, bytes: number, after: number): number {
  const { cost, pass } = turnAt(far)
  cost.ask()
  pass(after)
  cost.came(bytes)
  return cost.ms
}

test('ten envelopes cost a tenth of what a MiB does, however far the upstream is, and however busy this node', () => {
  for (const far of [1, 300])
    for (const busy of [0, 50]) {
      const little = costOf(far, 5 * KIB, far + busy)
      assert.ok(10 * little <= costOf(far, 1024 * KIB, far + busy), `${little} at ${far} ms`)
    }
})

test('what an upstream takes beyond the way and a busy moment counts, brought or not', () => {
  const { cost, pass } = turnAt(20)
  cost.ask()
  pass(1270)
  assert.equal(cost.ms, 1001)
  cost.came(100 * KIB)
  assert.equal(cost.ms, 1002)
})

test('the way is the shortest that was seen', () => {
  const { cost, upstream, pass } = turnAt(Number.POSITIVE_INFINITY)
  cost.ask()
  pass(200)
  cost.came(1)
  pass(100)
  cost.came(1)
  assert.equal(upstream.way, 200)
  assert.ok(cost.ms < 60, 'the first to ask pays no way either')
})

test('what a requester lets others wait counts from the first ms', () => {
  const { cost, pass } = turnAt(1)
  for (let i = 0; i < 10; i++) {
    cost.ask()
    pass(1)
    cost.came(0)
    cost.offer()
    pass(40)
  }
  assert.equal(cost.kept, 400)
  assert.equal(cost.ms, 401)
})
