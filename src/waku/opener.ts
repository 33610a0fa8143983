import type { Envelope } from '../wire/envelope/envelope.js'
import { decodePayload, type OpenedPayload } from '../wire/payload/payload.js'
import { openSymmetric } from '../wire/payload/symmetric.js'

/** What an envelope says to who has the key, 32 bytes; undefined when the key does not open it, or what is inside is no payload. */
export function openEnvelope(envelope: Envelope, key: Uint8Array): OpenedPayload | undefined {
  try {
    const plain = openSymmetric(envelope.data, key)
    return plain && decodePayload(plain)
  } catch {
    return undefined
  }
}
