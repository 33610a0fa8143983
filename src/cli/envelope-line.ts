import { toHex } from '../wire/bytes.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { decodePayload } from '../wire/payload/payload.js'
import { openSymmetric } from '../wire/payload/symmetric.js'

/** One envelope of history as it is printed. Bytes are 0x-hex, times Unix seconds. */
export interface EnvelopeLine {
  hash: string
  topic: string
  sent: number
  expiry: number
  ttl: number
  /** Bytes of its RLP. */
  size: number
  raw?: string | undefined
  /** Decrypted, when one of our keys opens it. */
  payload?: string | undefined
  /** The payload, when it is UTF-8. */
  text?: string | undefined
}

/** Describes an envelope, decrypted with the first of the keys that opens it. */
export function envelopeLine(envelope: Envelope, keys: readonly Uint8Array[], options: { raw: boolean }): EnvelopeLine {
  const { sent, expiry, ttl, size } = envelope
  const payload = open(envelope, keys)
  return {
    hash: `0x${envelope.hashHex}`,
    topic: `0x${toHex(envelope.topic)}`,
    sent,
    expiry,
    ttl,
    size,
    ...(options.raw ? { raw: `0x${toHex(envelope.raw)}` } : {}),
    ...(payload === undefined ? {} : { payload: `0x${toHex(payload)}`, text: textOf(payload) })
  }
}

function open(envelope: Envelope, keys: readonly Uint8Array[]): Uint8Array | undefined {
  for (const key of keys) {
    const plain = openSymmetric(envelope.data, key)
    if (plain === undefined) continue
    try {
      return decodePayload(plain, { recover: false }).payload
    } catch {
      return undefined // the key is right, what was encrypted is no message
    }
  }
  return undefined
}

function textOf(payload: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)
  } catch {
    return undefined
  }
}
