import type { Envelope } from '../wire/envelope/envelope.js'
import { decodePayload, type OpenedPayload } from '../wire/payload/payload.js'
import { openSymmetric } from '../wire/payload/symmetric.js'

/** Opens what is sealed with one key. */
export interface Opener {
  /** What the application calls it: the topic as it named it, or `inbox`. */
  readonly name: string
  /** The plaintext of an envelope's data; undefined when it is not for this key. */
  open(data: Uint8Array): Uint8Array | undefined
}

export const symmetricOpener = (name: string, key: Uint8Array): Opener => ({
  name,
  open: data => openSymmetric(data, key)
})

/** What the first of the keys that fits makes of an envelope; undefined when none does. */
export function openedBy(
  openers: readonly Opener[],
  envelope: Envelope
): (OpenedPayload & { name: string }) | undefined {
  for (const { name, open } of openers) {
    const plain = open(envelope.data)
    if (plain === undefined) continue
    try {
      return { ...decodePayload(plain), name }
    } catch {
      // the key opens it, but what is inside is no payload
    }
  }
  return undefined
}
