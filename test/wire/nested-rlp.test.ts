import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { toHex } from '../../src/wire/bytes.js'
import * as forPages from '../../src/wire/nested-rlp.browser.js'
import { decodeNested, encodeNested, type Nested } from '../../src/wire/nested-rlp.js'
import { decodeItem } from '../../src/wire/structure.js'

/** Strings around the lengths at which headers change their form, and lists of such and of lists. */
const { nested } = fc.letrec<{ nested: Nested; bytes: Nested; list: Nested }>(tie => ({
  nested: fc.oneof({ maxDepth: 5 }, tie('bytes'), tie('list')),
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.constantFrom(54, 55, 56, 255, 256, 257, 65_536).map(length => new Uint8Array(length).fill(7))
  ),
  list: fc.array(tie('nested'), { maxLength: 20 }) as fc.Arbitrary<Nested>
}))

test('a page writes and reads what is nested as the library does', () => {
  fc.assert(
    fc.property(nested, value => {
      const bytes = encodeNested(value)
      assert.equal(toHex(forPages.encodeNested(value)), toHex(bytes))
      assert.deepEqual(forPages.decodeNested(bytes), decodeNested(bytes))
      assert.deepEqual(forPages.decodeNested(bytes), value)
    })
  )
})

test('what passed the measure is read by both alike, whatever bytes it is of', () => {
  const byte = fc.oneof(fc.constantFrom(0x00, 0x7f, 0x80, 0x81, 0xb8, 0xc0, 0xc1, 0xc2, 0xf8), fc.nat(255))
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 12 }), array => {
      const bytes = Uint8Array.from(array)
      try {
        decodeItem(bytes)
      } catch {
        // neither is asked
        return
      }
      assert.deepEqual(forPages.decodeNested(bytes), decodeNested(bytes))
    }),
    { numRuns: 5000 }
  )
})

test('what a page read keeps no packet in memory', () => {
  const bytes = encodeNested([Uint8Array.of(1, 2), [Uint8Array.of(3)]])
  const [first, list] = forPages.decodeNested(bytes) as [Uint8Array, [Uint8Array]]
  bytes.fill(0)
  assert.deepEqual([first, list[0]], [Uint8Array.of(1, 2), Uint8Array.of(3)])
  assert.notEqual(first.buffer, bytes.buffer)
})
