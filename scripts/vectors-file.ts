import { utf8ToBytes } from '@noble/hashes/utils.js'
import { toHex } from '../src/wire/bytes.js'
import { keccak256 } from '../src/wire/keccak.js'

/** One file of protocols/vectors: what it is about, and groups of cases. */
export interface VectorFile {
  about: string
  [group: string]: unknown
}

/** Bytes that look random and are always the same. */
export function bytesOf(label: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i * 32 < length; i++) {
    bytes.set(keccak256(utf8ToBytes(`${label}/${i}`)).subarray(0, length - i * 32), i * 32)
  }
  return bytes
}

/** JSON with bytes as 0x-hex and large integers in decimal. */
export function vectorJson(file: VectorFile): string {
  return `${JSON.stringify(
    file,
    (_, value) => {
      if (value instanceof Uint8Array) return `0x${toHex(value)}`
      if (typeof value === 'bigint') return String(value)
      if (value === Number.POSITIVE_INFINITY) return 'Infinity'
      return value
    },
    1
  )}\n`
}
