import type { PeerId } from '@libp2p/interface'
import * as FIGURES from '../limits/figures.js'
import { equalBytes } from '../wire/bytes.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { acceptablePow } from '../wire/envelope/pow.js'
import { RequestError, RequestErrorCode } from '../wire/request/request-error.js'
import type { RequestPolicy } from './request-policy.js'

/**
 * What can be said of a request before it is decrypted, the cheapest first.
 *
 * @param now Unix seconds
 * @throws {RequestError} not allowed, or proof of work
 */
export function checkEnvelope(envelope: Envelope, policy: RequestPolicy, now: number): void {
  if (policy.fresh) {
    const { ttl, expiry, sent } = envelope
    if (ttl > FIGURES.request.maxTtl) throw refused(`the ttl of a request is at most ${FIGURES.request.maxTtl} s`)
    if (ttl > expiry) throw refused('the ttl is longer than the expiry')
    if (sent > now + FIGURES.request.clocks) throw refused('the request is dated ahead; are the clocks right?')
    if (expiry < now - FIGURES.request.clocks) throw refused('the request expired; are the clocks right?')
  }
  if (!acceptablePow(envelope, policy.pow, { minTtl: 1 })) {
    throw new RequestError(RequestErrorCode.pow, `a request needs a proof of work of ${policy.pow}`)
  }
}

/**
 * @param signer uncompressed public key of the signer; absent when unsigned
 * @throws {RequestError} signature
 */
export function checkSignature(signer: Uint8Array | undefined, peer: PeerId, policy: RequestPolicy): void {
  if (policy.signature === 'none') return
  if (signer === undefined) throw new RequestError(RequestErrorCode.signature, 'a request must be signed')
  if (policy.signature === 'any') return
  const key = peer.publicKey
  if (key?.type !== 'secp256k1' || !equalBytes(key.raw, compressed(signer))) {
    throw new RequestError(RequestErrorCode.signature, 'a request must be signed with the key of the peer id')
  }
}

/** 33 bytes: the parity of y, and x. */
function compressed(publicKey: Uint8Array): Uint8Array {
  const short = publicKey.slice(0, 33)
  short[0] = 2 + ((publicKey[64] as number) & 1)
  return short
}

function refused(text: string): RequestError {
  return new RequestError(RequestErrorCode.notAllowed, text)
}
