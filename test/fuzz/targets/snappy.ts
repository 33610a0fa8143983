import { createRequire } from 'node:module'
import { SnappyError } from '../../../src/devp2p/errors.js'
import { declaredLength, decompress, literalHeader } from '../../../src/devp2p/snappy.js'
import { joinBytes } from '../../../src/wire/bytes.js'
import { attempt, check, checkBytes, checkSmall, type FuzzTarget } from '../oracle.js'

/** Another implementation of the format. */
const { uncompress } = createRequire(import.meta.url)('snappyjs') as {
  uncompress(block: Uint8Array, limit: number): Uint8Array
}
const LIMIT = 1024 * 1024

function libraryReads(block: Uint8Array): Uint8Array | undefined {
  try {
    return uncompress(block, LIMIT)
  } catch {
    return undefined
  }
}

/** The tag of a literal whose length has bytes of its own: the library wants four behind it, also where fewer are needed. */
const isLongLiteral = (tag: number): boolean => (tag & 3) === 0 && tag >= 60 << 2

/** Our decoder against the library's. */
export const fuzz: FuzzTarget = input => {
  const literal = joinBytes([literalHeader(input.length), input])
  checkBytes(decompress(literal, LIMIT), input, 'a literal differs')
  const theirs = libraryReads(literal)
  check(theirs !== undefined, 'the library does not read our literal')
  checkBytes(theirs, input, 'the library reads another literal')

  const ours = attempt(() => decompress(input, LIMIT), SnappyError)
  if ('error' in ours) return false
  checkSmall(ours.value, input, { factor: 64 })
  check(ours.value.length === declaredLength(input), 'not as long as it declares')
  const expected = libraryReads(input)
  if (expected === undefined) {
    check(input.subarray(-4).some(isLongLiteral), 'read by us only')
    return true
  }
  checkBytes(ours.value, expected, 'the library reads something else')
  return true
}
