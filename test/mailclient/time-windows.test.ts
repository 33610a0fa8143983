import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isBehindSecond, TimeWindows } from '../../src/mailclient/time-windows.js'
import { toHex } from '../../src/wire/bytes.js'
import { decodeCursor, encodeCursor } from '../../src/wire/request/cursor.js'

const RANGE = { lower: 1000, upper: 1999 }
const windows = (maxBytes = 100): TimeWindows => new TimeWindows(RANGE, { maxBytes })
const cursorAt = (sent: number, fill = 0xff): Uint8Array => encodeCursor(sent, new Uint8Array(32).fill(fill))

test('the first window is the whole range, and has no cursor behind it [MAIL-10]', () => {
  const all = windows()
  assert.deepEqual(all.behind(undefined), RANGE)
  assert.equal(all.cursorBehind(RANGE), undefined)
})

test('a cursor behind a window names its last second and lies above every hash; the next window begins behind that', () => {
  const some = windows()
  const cursor = some.cursorBehind({ lower: 1000, upper: 1499 }) as Uint8Array
  assert.equal(toHex(cursor), `000005db${'ff'.repeat(32)}`)
  assert.equal(isBehindSecond(cursor), true)
  assert.equal(isBehindSecond(cursorAt(1499, 0xfe)), false)
  assert.deepEqual(some.behind(cursor), { lower: 1500, upper: 1999 })
  assert.deepEqual(some.behind(cursorAt(1499, 0xfe)), { lower: 1499, upper: 1999 }, 'more of that second may follow')
})

test('a cursor outside the range, or at its end, is an error', () => {
  for (const cursor of [cursorAt(999), cursorAt(999, 1), cursorAt(1999), cursorAt(2000, 1), cursorAt(0xffffffff)]) {
    assert.throws(() => windows().behind(cursor), { name: 'HistoryCursorError' }, toHex(cursor))
  }
  assert.deepEqual(windows().behind(cursorAt(1999, 1)), { lower: 1999, upper: 1999 })
})

test('a window that overflowed is followed by one that ends where half of the bytes had come, and covers at most half of the time with messages', () => {
  for (const [reached, upper] of [
    [{ first: 1000, middle: 1099, last: 1199 }, 1099],
    // more of the middle second may have followed
    [{ first: 1000, middle: 1099, last: 1099 }, 1098],
    [{ first: 1000, middle: 1000, last: 1000 }, 1000],
    [{ first: 1000, middle: 1900, last: 1990 }, 1499],
    // nothing lies before the first one
    [{ first: 1800, middle: 1850, last: 1990 }, 1850],
    [{ first: 1800, middle: 1950, last: 1990 }, 1899],
    [{ first: 1999, middle: 1999, last: 1999 }, 1998],
    // in no order
    [{ first: 1999, middle: 1900, last: 1990 }, 1499],
    // what came lay outside of it
    [{ first: 3, middle: 5, last: 7 }, 1000],
    [undefined, 1499]
  ] as const) {
    const some = windows()
    assert.equal(some.overflowed(some.behind(undefined), reached), true)
    assert.deepEqual(some.behind(undefined), { lower: 1000, upper })
  }
})

test('a single second that overflowed cannot be cut', () => {
  assert.equal(windows().overflowed({ lower: 1000, upper: 1000 }, { first: 1000, middle: 1000, last: 1000 }), false)
})

test('windows follow the density that was seen, and grow eightfold at most, to the end of the range', () => {
  const behind = (bytes: number, span = 10) => {
    const some = windows(100)
    const window = { lower: 1000, upper: 1000 + span - 1 }
    some.came(window, bytes)
    const { lower, upper } = some.behind(some.cursorBehind(window))
    return upper - lower + 1
  }
  assert.equal(behind(50), 10)
  assert.equal(behind(100), 5)
  assert.equal(behind(25), 20)
  assert.equal(behind(1), 80)
  assert.equal(behind(0), 80)
  assert.equal(behind(10_000), 1)
  assert.equal(behind(0, 500), 500)
})

test('whatever the traffic, windows cover each second once and none overflows but single seconds', () => {
  const traffic = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 80 })
  fc.assert(
    fc.property(traffic, fc.integer({ min: 1, max: 200 }), (bytesOf, maxBytes) => {
      const walk = new TimeWindows({ lower: 0, upper: bytesOf.length - 1 }, { maxBytes })
      let cursor: Uint8Array | undefined
      let next = 0
      for (let asked = 0; ; ) {
        assert.ok(asked++ < 20 * bytesOf.length, 'it comes to an end')
        const window = walk.behind(cursor)
        assert.equal(window.lower, next)
        const came = bytesOf.slice(window.lower, window.upper + 1)
        const bytes = came.reduce((sum, some) => sum + some, 0)
        if (bytes > maxBytes) {
          if (walk.overflowed(window, reachedIn(came, window.lower, maxBytes))) {
            const { lower, upper } = walk.behind(cursor)
            const again = bytesOf.slice(lower, upper + 1).reduce((sum, some) => sum + some, 0)
            assert.ok(again <= maxBytes || lower === upper, 'once is enough')
            continue
          }
          assert.equal(window.lower, window.upper)
        } else {
          walk.came(window, bytes)
        }
        cursor = walk.cursorBehind(window)
        next = window.upper + 1
        if (cursor === undefined) break
        assert.equal(decodeCursor(cursor).sent, window.upper)
      }
      assert.equal(next, bytesOf.length)
    })
  )
})

/** Envelopes of one byte. */
function reachedIn(came: readonly number[], lower: number, maxBytes: number) {
  const sents = came.flatMap((bytes, at) => new Array<number>(bytes).fill(lower + at)).slice(0, maxBytes)
  return {
    first: sents[0] ?? lower,
    middle: sents[Math.ceil((maxBytes + 1) / 2) - 1] ?? lower,
    last: sents.at(-1) ?? lower
  }
}
