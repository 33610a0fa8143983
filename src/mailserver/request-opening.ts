import type { PeerId } from '@libp2p/interface'
import type { Envelope } from '../wire/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { decodePayload, type OpenedPayload } from '../wire/payload.js'
import { RequestError, RequestErrorCode } from '../wire/request-error.js'
import { openSymmetric } from '../wire/symmetric.js'
import { checkSignature } from './request-checks.js'
import type { RequestPolicy } from './request-policy.js'

/**
 * Decrypts a request with the first of `keys` that opens it.
 *
 * @throws {RequestError} cannot decrypt
 */
export function decrypt(envelope: Envelope, keys: readonly Uint8Array[]): Uint8Array {
  for (const key of keys) {
    const plain = openSymmetric(envelope.data, key)
    if (plain !== undefined) return plain
  }
  throw new RequestError(RequestErrorCode.undecryptable, 'no key of this server opens the request')
}

/**
 * The payload of a decrypted request (26/WAKU2-PAYLOAD), its signature judged by the policy.
 *
 * @throws {RequestError} malformed or signature
 */
export function unwrap(plain: Uint8Array, peer: PeerId, policy: RequestPolicy): Uint8Array {
  let opened: OpenedPayload
  try {
    // recovering a signer takes a millisecond: not where nobody asks for it
    opened = decodePayload(plain, { recover: policy.signature !== 'none' })
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    throw new RequestError(RequestErrorCode.malformed, `the request cannot be read: ${error.message}`)
  }
  checkSignature(opened.signer, peer, policy)
  return opened.payload
}
