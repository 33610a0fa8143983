import type { PeerId } from '@libp2p/interface'
import type { IncomingRequest } from '../waku/mail-exchange.js'
import { decodeEnvelope, type Envelope } from '../wire/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { decodePayload, type OpenedPayload } from '../wire/payload.js'
import type { PlainRequest } from '../wire/plain-request.js'
import { RequestError, RequestErrorCode } from '../wire/request-error.js'
import { type OpeningKeys, openData } from '../wire/sealed-data.js'
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
  throw new RequestError(RequestErrorCode.undecryptable, 'no key of this server opens the request')
}

/**
 * The payload of a decrypted request (26/WAKU2-PAYLOAD), its signature judged by the policy.
 *
 * @throws {RequestError} malformed or signature
 */
export function unwrap(plain: Uint8Array, peer: PeerId, policy: RequestPolicy): Uint8Array {
  const { payload } = read(plain, false, RequestErrorCode.malformed)
  // recovering a signer takes a millisecond: not where nobody asks for it
  if (policy.signature !== 'none') {
    checkSignature(read(plain, true, RequestErrorCode.signature).signer, peer, policy)
  }
  return payload
}

/** @throws {RequestError} with `code` */
function read(plain: Uint8Array, recover: boolean, code: number): OpenedPayload {
  try {
    return decodePayload(plain, { recover })
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    throw new RequestError(code, `the request cannot be read: ${error.message}`)
  }
}
