import { type NestedUint8Array, RLP } from '@ethereumjs/rlp'

/** A string, or a list of such and of lists. */
export type Nested = Uint8Array | NestedUint8Array

export const encodeNested: (nested: Nested) => Uint8Array = RLP.encode

/**
 * Copies whatever is in it.
 *
 * @param bytes one item, no `Buffer`, measured before: it has no bounds of its own
 * @throws Error when it is not canonical
 */
export const decodeNested: (bytes: Uint8Array) => Nested = bytes => RLP.decode(bytes)
