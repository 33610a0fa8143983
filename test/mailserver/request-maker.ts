import { fullBloom } from '../../src/wire/envelope/bloom.js'
import { type Envelope, encodeEnvelope, encodeShortRlp } from '../../src/wire/envelope/envelope.js'
import { mineRange, miningBits } from '../../src/wire/envelope/pow.js'
import { encodePayload } from '../../src/wire/payload/payload.js'
import { sealSymmetric } from '../../src/wire/payload/symmetric.js'
import { type Dialect, encodeHistoryRequest, type HistoryRequest } from '../../src/wire/request/history-request.js'
import { unixNow } from '../helpers/envelopes.js'

export const KEY: Uint8Array = new Uint8Array(32).fill(7)

export interface SealOptions {
  key?: Uint8Array | undefined
  now?: number | undefined
  ttl?: number | undefined
  expiry?: number | undefined
  pow?: number | undefined
  signWith?: Uint8Array | undefined
  topic?: Uint8Array | undefined
}

/** A payload sealed as the envelope of a request. */
export function sealPayload(payload: Uint8Array, options: SealOptions = {}): Envelope {
  const { key = KEY, ttl = 50, pow = 0.002, signWith, topic = new Uint8Array(4) } = options
  const expiry = options.expiry ?? (options.now ?? unixNow()) + ttl
  return sealData(sealSymmetric(encodePayload({ payload, signWith }), key), { expiry, ttl, topic, pow })
}

/** Any data as an envelope with proof of work. */
export function sealData(
  data: Uint8Array,
  { expiry, ttl, topic, pow }: { expiry: number; ttl: number; topic: Uint8Array; pow: number }
): Envelope {
  const fields = { expiry, ttl, topic, data }
  const nonce = mineRange(encodeShortRlp(fields), miningBits(fields, pow), 0n, 1 << 22)
  if (nonce === undefined) throw new Error('no nonce found')
  return encodeEnvelope({ ...fields, nonce })
}

/** Everything of a day, unless told otherwise. */
export function aRequest(fields: Partial<HistoryRequest> = {}): HistoryRequest {
  const bloom = fields.topics === undefined ? fullBloom() : undefined
  return { lower: 0, upper: 0xffffffff, limit: 0, bloom, ...fields }
}

export function sealRequest(
  fields: Partial<HistoryRequest> = {},
  options: SealOptions & { dialect?: Dialect } = {}
): Envelope {
  return sealPayload(encodeHistoryRequest(aRequest(fields), options.dialect ?? 'spec6t'), options)
}
