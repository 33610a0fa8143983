import { MAX_UINT32 } from '../bytes.js'
import { MalformedError } from '../errors.js'
import { decodeUint, type RlpItem } from '../rlp.js'
import { children, encodeStructure, leading, type Structure, structureOf, uint } from '../structure.js'

/** The optional last item of a request and a completion: `[[key, value], …]`, by key. */
export type Extensions = Map<number, RlpItem>

/** Keys in use (protocols/mailserver.md). */
export const ExtensionKey = { error: 0, sequence: 1, coverage: 2, damaged: 3 } as const

/**
 * Reads an extension list. Of a repeated key the last one holds; keys of more than 32 bits are left out.
 * @throws MalformedError
 */
export function decodeExtensions(item: RlpItem): Extensions {
  const extensions: Extensions = new Map()
  for (const pair of children(item, { max: 256 })) {
    const [key, value] = leading(pair, 2)
    if (key.isList) throw new MalformedError('the key of an extension is a list')
    if (key.payload.length <= 4) extensions.set(decodeUint(key, { max: MAX_UINT32 }), value)
  }
  return extensions
}

/** In ascending order of the keys. */
export function extensionStructure(extensions: Extensions): Structure[] {
  return [...extensions].sort(([a], [b]) => a - b).map(([key, value]) => [uint(key), structureOf(value)])
}

export function encodeExtensions(extensions: Extensions): Uint8Array {
  return encodeStructure(extensionStructure(extensions))
}
