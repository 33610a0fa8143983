import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import { type HistoryRequest, settleRequest } from '../../src/wire/request/history-request.js'
import { RequestError, RequestErrorCode } from '../../src/wire/request/request-error.js'

const now = 1_700_000_000
const bloom = new Uint8Array(64).fill(1)
const topics = [new Uint8Array(4)]
const hash = new Uint8Array(32)
const base: HistoryRequest = { lower: 10, upper: 20, bloom, limit: 5 }

function fails(code: number, part: Partial<HistoryRequest>): void {
  assert.throws(
    () => settleRequest({ ...base, ...part }, { now }),
    (error: Error) => error instanceof RequestError && error.code === code
  )
}

test('a limit of 0 or above the maximum is the maximum [D-05]', () => {
  for (const [limit, settled] of [
    [0, 1000],
    [1, 1],
    [1000, 1000],
    [1001, 1000],
    [0xffff_ffff, 1000]
  ] as const) {
    assert.equal(settleRequest({ ...base, limit }, { now }).limit, settled)
  }
  assert.equal(settleRequest({ ...base, limit: 0 }, { now, maxLimit: 7 }).limit, 7)
})

test('an upper bound of 0 is a minute from now, and never past 32 bits [D-05, D-04]', () => {
  assert.equal(settleRequest({ ...base, upper: 0 }, { now: now + 0.5 }).upper, now + 60)
  assert.equal(settleRequest({ ...base, upper: 0 }, { now: 0xffff_fff0 }).upper, 0xffff_ffff)
  assert.equal(settleRequest({ ...base, upper: 0xffff_ffff }, { now }).upper, 0xffff_ffff)
})

test('a lower bound above the upper one is an error, equal ones are a range [D-05]', () => {
  fails(RequestErrorCode.range, { lower: 21 })
  fails(RequestErrorCode.range, { upper: 0, lower: now + 61 })
  assert.equal(settleRequest({ ...base, lower: 20 }, { now }).lower, 20)
})

test('neither topics nor a bloom filter is an error [D-05]', () => {
  fails(RequestErrorCode.filter, { bloom: undefined })
})

test('topics beat a bloom filter [MAIL-21]', () => {
  const settled = settleRequest({ ...base, topics }, { now })
  assert.deepEqual([settled.topics, settled.bloom], [topics, undefined])
  assert.deepEqual(settleRequest(base, { now }).bloom, bloom)
})

test('a cursor lies within the range [D-04]', () => {
  for (const sent of [10, 15, 20]) {
    const cursor = encodeCursor(sent, hash)
    assert.deepEqual(settleRequest({ ...base, cursor }, { now }).cursor, cursor)
  }
  for (const sent of [0, 9, 21, 0xffff_ffff]) fails(RequestErrorCode.cursor, { cursor: encodeCursor(sent, hash) })
})
