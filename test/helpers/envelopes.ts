import { type Envelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'

let serial = 0

/** Unix seconds by the system clock. */
export const unixNow = (): number => Math.floor(Date.now() / 1000)

/** An envelope without proof of work, unlike any other of this process. */
export function newEnvelope(
  fields: { sent?: number; ttl?: number; topic?: Uint8Array; data?: Uint8Array; nonce?: bigint } = {}
): Envelope {
  const { sent = unixNow(), ttl = 60, topic = Uint8Array.of(1, 2, 3, 4), nonce = 0n } = fields
  const unique = new Uint8Array(300)
  new DataView(unique.buffer).setUint32(0, ++serial)
  return encodeEnvelope({ expiry: sent + ttl, ttl, topic, data: fields.data ?? unique, nonce })
}
