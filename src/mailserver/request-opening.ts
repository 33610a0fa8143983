import type { PeerId } from '@libp2p/interface'
import type { IncomingRequest } from '../waku/mail-exchange.js'
import { decodeEnvelope, type Envelope } from '../wire/envelope/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { type PayloadParts, signerOf, splitPayload } from '../wire/payload/payload.js'
import { type OpeningKeys, openData } from '../wire/payload/sealed-data.js'
import type { Dialect, HistoryRequest } from '../wire/request/history-request.js'
import type { AnsweringCodec } from '../wire/request/mail-codec.js'
import type { PlainRequest } from '../wire/request/plain-request.js'
import { RequestError, RequestErrorCode } from '../wire/request/request-error.js'
import { checkSignature } from './request-checks.js'
import type { RequestPolicy } from './request-policy.js'

/** A request by its outer form: an envelope, or one that lies open. */
export type AskedRequest =
  | { requestId: Uint8Array; envelope: Envelope; plain?: undefined }
  | { requestId: Uint8Array; plain: PlainRequest }

/** @throws {MalformedError} when it is neither: then it has no id */
export function readRequest({ body, codec }: IncomingRequest): AskedRequest {
  const plain = codec.decodePlain?.(body)
  if (plain !== undefined) return { requestId: plain.requestId, plain }
  const envelope = decodeEnvelope(body)
  return { requestId: envelope.hash, envelope }
}

/**
 * Decrypts a request with the first of `keys` that opens it.
 *
 * @throws {RequestError} cannot decrypt
 */
export function decrypt(envelope: Envelope, keys: OpeningKeys): Uint8Array {
  const plain = openData(envelope.data, keys)
  if (plain !== undefined) return plain
  throw new RequestError(
    RequestErrorCode.undecryptable,
    'no key of this server opens the request: is its password another?'
  )
}

/**
 * A decrypted request by its parts (26/WAKU2-PAYLOAD), cut once for what it asks and for who signed it.
 *
 * @throws {RequestError} malformed
 */
export function unwrap(plain: Uint8Array): PayloadParts {
  return orRefused(() => splitPayload(plain), RequestErrorCode.malformed)
}

/**
 * Judges the signature of a decrypted request by the policy.
 *
 * @throws {RequestError} signature
 */
export function judgeSigner(parts: PayloadParts, peer: PeerId, policy: RequestPolicy): void {
  checkSignature(
    orRefused(() => signerOf(parts), RequestErrorCode.signature),
    peer,
    policy
  )
}

/** What a payload asks, or why it cannot be read; in either case in which form it is written, as far as that can be told. */
export type ReadPayload =
  | { dialect: Dialect; request: HistoryRequest; error?: undefined }
  | { dialect: Dialect | undefined; error: RequestError }

/** Reads a payload once, so that who asks with a bad signature is refused in the form that it reads. */
export function readPayload(payload: Uint8Array, codec: Pick<AnsweringCodec, 'decodePayload'>): ReadPayload {
  try {
    return codec.decodePayload(payload)
  } catch (error) {
    if (error instanceof RequestError) return { dialect: error.dialect, error }
    throw error
  }
}

/** @throws {RequestError} with `code` */
function orRefused<T>(read: () => T, code: number): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    throw new RequestError(code, `the request cannot be read: ${error.message}`)
  }
}
