import type { Nested } from './nested-rlp.js'
import { encodeList, encodeString, ItemReader } from './rlp.js'

// What bundlers for browsers take instead of nested-rlp.ts: the reader in place is in each bundle anyway, and the library, which also
// takes hexadecimal, numbers and texts, would be a twentieth of what this package adds to a page.

export function encodeNested(nested: Nested): Uint8Array {
  return nested instanceof Uint8Array ? encodeString(nested) : encodeList(nested.map(encodeNested))
}

/** @throws MalformedError when it is not canonical */
export function decodeNested(bytes: Uint8Array): Nested {
  return decodeItems(bytes, 0, bytes.length)[0] as Nested
}

function decodeItems(bytes: Uint8Array, at: number, limit: number): Nested[] {
  const items: Nested[] = []
  for (const reader = new ItemReader(bytes, at, limit); !reader.done; ) {
    reader.next()
    const { body, end } = reader
    items.push(reader.isList ? (decodeItems(bytes, body, end) as Nested) : bytes.slice(body, end))
  }
  return items
}
