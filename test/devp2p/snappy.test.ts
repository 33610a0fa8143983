import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { SnappyError } from '../../src/devp2p/errors.js'
import { decompress, Inflation, literalHeader, memoryToInflate } from '../../src/devp2p/snappy.js'
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.js'

interface Snappy {
  compress(bytes: Uint8Array): Uint8Array
  uncompress(bytes: Uint8Array): Uint8Array
}

/** Another implementation of the format. */
const other = createRequire(import.meta.url)('snappyjs') as Snappy

const sizes = [1, 2, 59, 60, 61, 255, 256, 257, 65_535, 65_536, 65_537, 1 << 20]

test('what we write is a block that others read, and that comes back as a view [P2P-04]', () => {
  for (const size of sizes) {
    const body = new Uint8Array(randomBytes(size))
    const block = concatBytes(literalHeader(size), body)
    assert.ok(Buffer.from(other.uncompress(block)).equals(body), `${size}`)
    const back = decompress(block, size)
    assert.ok(Buffer.from(back).equals(body), `${size}`)
    assert.equal(back.buffer, block.buffer)
    assert.equal(memoryToInflate(block), 0)
    const squeezed = other.compress(body)
    assert.equal(memoryToInflate(squeezed), decompress(squeezed, size).buffer === squeezed.buffer ? 0 : size)
  }
  assert.equal(toHex(literalHeader(0)), '00')
  assert.equal(decompress(literalHeader(0), 0).length, 0)
})

test('reads what others compress', () => {
  for (const size of sizes) {
    const text = new TextEncoder().encode('compressible and repeated '.repeat(Math.ceil(size / 26)).slice(0, size))
    assert.ok(Buffer.from(decompress(other.compress(text), size)).equals(text), `${size}`)
    const noise = new Uint8Array(randomBytes(size))
    assert.ok(Buffer.from(decompress(other.compress(noise), size)).equals(noise), `${size}`)
    const runs = new Uint8Array(size).map((_, i) => (i % 97 < 50 ? 7 : i))
    assert.ok(Buffer.from(decompress(other.compress(runs), size)).equals(runs), `${size}`)
  }
})

test('reads every kind of element, written by hand from the format', () => {
  for (const [block, text] of [
    ['080c61626364' + '0104', 'abcdabcd'], // copy of 4 with an offset of 11 bits
    ['0c0c61626364' + '1e0400', 'abcdabcdabcd'], // copy of 8 with an offset of 2 bytes, repeating
    ['0c0c61626364' + '1f04000000', 'abcdabcdabcd'], // the same with an offset of 4 bytes
    ['080061' + '1a0100', 'aaaaaaaa'],
    ['01f000' + '61', 'a'], // with more bytes of length than it needs, at the end
    ['05f004' + '6162636465', 'abcde'], // literal lengths of 1 to 4 bytes
    ['05f40400' + '6162636465', 'abcde'],
    ['05f8040000' + '6162636465', 'abcde'],
    ['05fc04000000' + '6162636465', 'abcde'],
    ['8500' + '106162636465', 'abcde'] // a length that is longer than it had to be
  ] as const) {
    assert.equal(new TextDecoder().decode(decompress(fromHex(block), 100)), text, block)
  }
})

test('a declared length over the limit, or that does not come true, is refused', () => {
  for (const block of [
    '',
    '80',
    'ffffffffff01',
    `65f064${'00'.repeat(101)}`, // 101 bytes where 100 are allowed
    '05' + '0c61626364', // one short
    '03' + '0c61626364', // one over
    '05' + '1061626364', // a literal cut off
    '05' + '0061' + '0d05', // a copy from before the beginning
    '05' + '0061' + '0d00', // a copy from itself
    '04' + '0061' + '0d01', // a copy over the end
    '05' + '0061' + '0f01', // a copy cut off
    '05' + '0061' + 'f0', // a length cut off
    '05' + '0061' + '0fffffffff'
  ]) {
    assert.throws(() => decompress(fromHex(block), 100), SnappyError, block)
  }
})

test('no input makes it throw anything else, run long, or return another length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
      try {
        assert.ok(decompress(bytes, 500).length <= 500)
      } catch (error) {
        assert.ok(error instanceof SnappyError)
      }
    }),
    { numRuns: 3000 }
  )
})

test('a block is inflated in pieces as in one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'bc', 'def', 'x'.repeat(70)), { maxLength: 200 }),
      fc.nat(100),
      (parts, bytes) => {
        const text = new TextEncoder().encode(parts.join(''))
        const inflation = new Inflation(other.compress(text), text.length)
        let out: Uint8Array | undefined
        let pieces = 0
        while (out === undefined) {
          out = inflation.more(bytes)
          // an element brings 64 bytes of a copy, or a literal
          assert.ok(++pieces <= text.length + 1)
        }
        assert.ok(Buffer.from(out).equals(text))
      }
    )
  )
  const bomb = new Inflation(other.compress(new Uint8Array(1 << 20)), 1 << 20)
  let pieces = 1
  while (bomb.more(1 << 16) === undefined) pieces++
  assert.ok(pieces >= 15, `${pieces}`)
})
