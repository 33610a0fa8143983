import type { Miner } from '../waku/miner.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { sealAsymmetric } from '../wire/payload/asymmetric.js'
import { encodePayload } from '../wire/payload/payload.js'
import { sealSymmetric } from '../wire/payload/symmetric.js'
import { randomBytes } from '../wire/random.js'
import { DIALECTS } from '../wire/request/dialect.js'
import type { Dialect, HistoryRequest, PlainDialect } from '../wire/request/history-request.js'
import type { AskingCodec } from '../wire/request/mail-codec.js'
import { HistoryQueryError } from './errors.js'

/** By custom. */
const REQUEST_TOPIC: Uint8Array = new Uint8Array(4)

/** What a request is encrypted with: one of the two, unless its form is not encrypted. */
export interface Sealing {
  /** Symmetric, 32 bytes. */
  key?: Uint8Array | undefined
  /** secp256k1 public key of the server, 33 or 65 bytes. */
  publicKey?: Uint8Array | undefined
}

/** A request as it is sent. */
export interface ComposedRequest {
  /** 32 bytes; its completion names it. */
  id: Uint8Array
  /** Of the 0x7e. */
  body: Uint8Array
}

export interface SealParts extends Sealing {
  miner: Miner
  codec: AskingCodec
  dialect: Dialect
  signWith: Uint8Array | undefined
  pow: number
  /** Seconds. */
  ttl: number
  /** Unix seconds. */
  now: number
  signal: AbortSignal
}

/** The body of a 0x7e, made anew each time, so that its id is one of its own. */
export async function composeRequest(request: HistoryRequest, parts: SealParts): Promise<ComposedRequest> {
  const { codec, dialect } = parts
  if (isPlain(dialect) && codec.encodePlain !== undefined) {
    const id = randomBytes(32)
    return { id, body: codec.encodePlain(request, dialect, id) }
  }
  const envelope = await sealRequest(request, parts)
  return { id: envelope.hash, body: envelope.raw }
}

/** An encrypted request (8/WAKU-MAIL): an envelope, whose hash is the request id. */
export async function sealRequest(request: HistoryRequest, parts: SealParts): Promise<Envelope> {
  const { codec, dialect, signWith, ttl, pow, signal } = parts
  const payload = codec.encodePayload(request, dialect)
  const data = encrypt(encodePayload({ payload, signWith }), parts)
  const expiry = Math.floor(parts.now) + ttl
  return await parts.miner.mine({ expiry, ttl, topic: REQUEST_TOPIC, data }, pow, { signal })
}

function isPlain(dialect: Dialect): dialect is PlainDialect {
  return !DIALECTS[dialect].sealed
}

function encrypt(plain: Uint8Array, { key, publicKey }: Sealing): Uint8Array {
  if (key !== undefined) return sealSymmetric(plain, key)
  if (publicKey !== undefined) return sealAsymmetric(plain, publicKey)
  throw new HistoryQueryError('a request of this form needs a key')
}
