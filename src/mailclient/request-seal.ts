import type { Miner } from '../waku/miner.js'
import type { Envelope } from '../wire/envelope.js'
import type { Dialect, HistoryRequest } from '../wire/history-request.js'
import type { MailCodec } from '../wire/mail-codec.js'
import { encodePayload } from '../wire/payload.js'
import { sealSymmetric } from '../wire/symmetric.js'

/** By custom. */
const REQUEST_TOPIC: Uint8Array = new Uint8Array(4)

export interface SealParts {
  miner: Miner
  codec: MailCodec
  dialect: Dialect
  /** Symmetric, 32 bytes. */
  key: Uint8Array
  signWith: Uint8Array | undefined
  pow: number
  /** Seconds. */
  ttl: number
  /** Unix seconds. */
  now: number
  signal: AbortSignal
}

/** The body of a 0x7e (8/WAKU-MAIL): an envelope, sealed anew each time, so that its hash is a request id of its own. */
export async function sealRequest(request: HistoryRequest, parts: SealParts): Promise<Envelope> {
  const { codec, dialect, key, signWith, ttl, pow, signal } = parts
  const payload = codec.encodePayload(request, dialect)
  const data = sealSymmetric(encodePayload({ payload, signWith }), key)
  const expiry = Math.floor(parts.now) + ttl
  return await parts.miner.mine({ expiry, ttl, topic: REQUEST_TOPIC, data }, pow, { signal })
}
