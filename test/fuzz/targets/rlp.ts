import { type NestedUint8Array, RLP } from '@ethereumjs/rlp'
import { MalformedError } from '../../../src/wire/errors.js'
import {
  children,
  decodeBigUint,
  decodeItem,
  decodeUint,
  encodeList,
  encodeString,
  encodeUint,
  type RlpItem
} from '../../../src/wire/rlp.js'
import { attempt, check, checkBytes, checkSame, type FuzzTarget, read } from '../oracle.js'

type Tree = Uint8Array | NestedUint8Array

function treeOf(item: RlpItem): Tree {
  return item.isList ? children(item).map(treeOf) : item.payload
}

function encode(tree: Tree): Uint8Array {
  return tree instanceof Uint8Array ? encodeString(tree) : encodeList(tree.map(encode))
}

function libraryReads(input: Uint8Array): Tree | undefined {
  // it takes no bytes for an empty string
  if (input.length === 0) return undefined
  try {
    return RLP.decode(input)
  } catch {
    return undefined
  }
}

function integers(tree: Tree): void {
  if (!(tree instanceof Uint8Array)) {
    for (const part of tree) integers(part)
    return
  }
  const raw = encodeString(tree)
  const small = attempt(() => decodeUint(decodeItem(raw), { max: 0xffff_ffff_ffff }), MalformedError)
  const big = attempt(() => decodeBigUint(decodeItem(raw), { bytes: 8 }), MalformedError)
  if ('value' in small) {
    checkBytes(encodeUint(small.value), raw, 'an integer changed')
    check('value' in big && big.value === BigInt(small.value), 'two readers of an integer disagree')
  }
  if ('value' in big) checkBytes(encodeUint(big.value), raw, 'a large integer changed')
}

/** Our reader in place against the library's: the same language, the same tree, and the same bytes again. */
export const fuzz: FuzzTarget = input => {
  const ours = read(() => treeOf(decodeItem(input)), MalformedError)
  const theirs = libraryReads(input)
  check((ours === undefined) === (theirs === undefined), `read by ${ours ? 'us' : 'the library'} only`)
  if (ours === undefined) return false
  checkSame(ours, theirs, 'the trees differ')
  checkBytes(encode(ours), input, 'encoded again it differs')
  checkBytes(RLP.encode(ours), input, 'encoded by the library it differs')
  integers(ours)
  return true
}
