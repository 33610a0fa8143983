import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planBackfill } from '../../src/bridge/backfill-plan.js'
import { toHex } from '../../src/wire/bytes.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'

const cursorAt = (sent: number): string => `server/${toHex(encodeCursor(sent, new Uint8Array(32).fill(1)))}`
const legsOf = (range: Parameters<typeof planBackfill>[0], earlier: Parameters<typeof planBackfill>[1]) =>
  planBackfill(range, earlier).map(({ from, to, cursor }) => ({
    from,
    to,
    ...(cursor === undefined ? {} : { cursor })
  }))

test('without an earlier run a range is one walk', () => {
  assert.deepEqual(legsOf({ from: 100, to: 200 }, undefined), [{ from: 100, to: 200 }])
  assert.deepEqual(legsOf({ from: 100, to: 200 }, { from: 100, to: 200 }), [{ from: 100, to: 200 }])
})

test('the same range goes on behind the cursor', () => {
  const cursor = cursorAt(150)
  assert.deepEqual(legsOf({ from: 100, to: 200 }, { from: 100, to: 200, cursor }), [{ from: 100, to: 200, cursor }])
})

test('a cursor is for the dialect that it was handed out in', () => {
  const cursor = cursorAt(150)
  const raw = { from: 100, to: 200, dialect: 'raw72' as const }
  assert.deepEqual(legsOf(raw, { ...raw, cursor }), [{ from: 100, to: 200, cursor }])
  assert.equal(planBackfill(raw, { ...raw, cursor })[0]?.record.dialect, 'raw72')
  assert.deepEqual(legsOf({ from: 100, to: 200 }, { ...raw, cursor }), [{ from: 100, to: 200 }])
  assert.deepEqual(legsOf(raw, { from: 100, to: 200, cursor }), [{ from: 100, to: 200 }])
  assert.deepEqual(planBackfill(raw, undefined)[0]?.record, raw)
})

test('a later run of "the last hour" finishes the walk, then fetches what came since', () => {
  const cursor = cursorAt(150)
  const [rest, since] = planBackfill({ from: 110, to: 230 }, { from: 100, to: 200, cursor })
  assert.deepEqual(rest, {
    from: 110,
    to: 200,
    cursor,
    record: { from: 110, to: 200, covered: undefined, cursor }
  })
  assert.deepEqual(since, { from: 200, to: 230, record: { from: 110, to: 230, covered: 200 } })
})

test('interrupted while fetching what came since, it goes on there', () => {
  const cursor = cursorAt(220)
  const earlier = { from: 100, to: 230, covered: 200, cursor }
  assert.deepEqual(legsOf({ from: 110, to: 230 }, earlier), [{ from: 200, to: 230, cursor }])
  assert.deepEqual(legsOf({ from: 110, to: 230 }, { from: 100, to: 230, covered: 200 }), [{ from: 200, to: 230 }])
})

test('where the earlier run does not reach, the range is fetched from its beginning', () => {
  const cursor = cursorAt(150)
  const earlier = { from: 100, to: 200, cursor }
  for (const range of [
    { from: 99, to: 200 },
    { from: 100, to: 199 },
    { from: 151, to: 200 },
    { from: 201, to: 300 }
  ]) {
    assert.deepEqual(legsOf(range, earlier), [range])
  }
  assert.deepEqual(legsOf({ from: 100, to: 200 }, { ...earlier, cursor: 'nonsense' }), [{ from: 100, to: 200 }])
})
