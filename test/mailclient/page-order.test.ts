import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PageOrder, type Place } from '../../src/mailclient/page-order.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'

const key = (sent: number): Uint8Array => encodeCursor(sent, new Uint8Array(32).fill(1))
const place = (sent: number): Place => ({ sent, hash: new Uint8Array(32).fill(1) })
const cursorError = { name: 'MisbehavingServerError', reason: 'cursor' }

test('the first page tells which way a server goes', () => {
  const up = new PageOrder({ direction: 0 })
  for (const sent of [1, 2, 3]) assert.equal(up.accept(place(sent)), true)
  assert.deepEqual(up.end(key(3)), { after: key(3), direction: 1 })

  const down = new PageOrder({ direction: 0 })
  for (const sent of [3, 2, 1]) assert.equal(down.accept(place(sent)), true)
  assert.deepEqual(down.end(key(1)), { after: key(1), direction: -1 })

  const one = new PageOrder({ direction: 0 })
  one.accept(place(2))
  assert.deepEqual(one.end(key(2)), { after: key(2), direction: 0 })
})

test('a page lies beyond the last cursor, in the same direction', () => {
  for (const direction of [1, -1] as const) {
    const order = new PageOrder({ after: key(10), direction })
    assert.equal(order.accept(place(10)), false)
    assert.equal(order.accept(place(10 - direction)), false)
    assert.equal(order.accept(place(10 + direction)), true)
    assert.equal(order.accept(place(10 + direction)), false)
  }
})

test('where the direction is not known yet, the first envelope decides', () => {
  const order = new PageOrder({ after: key(10), direction: 0 })
  assert.equal(order.accept(place(9)), true)
  assert.equal(order.accept(place(11)), false)
  assert.throws(() => order.end(key(12)), cursorError)
  assert.deepEqual(order.end(key(9)), { after: key(9), direction: -1 })
})

test('a cursor covers its page and moves on', () => {
  const order = new PageOrder({ after: key(10), direction: 1 })
  order.accept(place(12))
  for (const sent of [9, 10, 11]) assert.throws(() => order.end(key(sent)), cursorError)
  assert.deepEqual(order.end(key(15)), { after: key(15), direction: 1 })
  const nothing = new PageOrder({ after: key(10), direction: 1 })
  assert.throws(() => nothing.end(key(10)), cursorError)
})
