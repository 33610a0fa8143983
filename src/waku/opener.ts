import type { Envelope } from '../wire/envelope.js'
import { decodePayload, type OpenedPayload } from '../wire/payload.js'
import { openSymmetric } from '../wire/symmetric.js'

/** What an envelope says to who has the key, 32 bytes; undefined when the key does not open it, or what is inside is no payload. */
export function openEnvelope(envelope: Envelope, key: Uint8Array): OpenedPayload | undefined {
  try {
    const plain = openSymmetric(envelope.data, key)
    return plain && decodePayload(plain)
  } catch {
    return undefined
  }
}
