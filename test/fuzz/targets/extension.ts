import { MalformedError } from '../../../src/wire/errors.js'
import { decodeExtensions, type Extensions, encodeExtensions } from '../../../src/wire/request/extension.js'
import { decodeItem } from '../../../src/wire/rlp.js'
import { check, checkBytes, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

const plain = (extensions: Extensions): unknown =>
  [...extensions].map(([key, item]) => [key, item.raw]).sort(([a], [b]) => Number(a) - Number(b))

/** The list behind a request and a completion. */
export const fuzz: FuzzTarget = input => {
  const extensions = read(() => decodeExtensions(decodeItem(input)), MalformedError)
  if (extensions === undefined) return false
  checkSmall(plain(extensions), input)
  check(extensions.size <= 256, 'more extensions than are read')
  for (const [key, item] of extensions) {
    check(Number.isInteger(key) && key >= 0 && key <= 0xffff_ffff, 'a key out of its range')
    checkBytes(decodeItem(item.raw).raw, item.raw, 'a value is no item')
  }
  const second = decodeExtensions(decodeItem(encodeExtensions(extensions)))
  checkSame(plain(second), plain(extensions), 'written and read they differ')
  return true
}
