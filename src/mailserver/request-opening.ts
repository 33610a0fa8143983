import type { PeerId } from '@libp2p/interface'
import type { LimitCounts } from '../limits/counts.js'
import * as FIGURES from '../limits/figures.js'
import type { IncomingRequest } from '../waku/mail-exchange.js'
import type { Network } from '../waku/packet-channel.js'
import { decodeEnvelope, type Envelope } from '../wire/envelope/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { type PayloadParts, signerOf, splitPayload } from '../wire/payload/payload.js'
import { type OpeningKeys, openData } from '../wire/payload/sealed-data.js'
import { type Dialect, type HistoryRequest, settleRequest } from '../wire/request/history-request.js'
import type { AnsweringCodec } from '../wire/request/mail-codec.js'
import type { PlainRequest } from '../wire/request/plain-request.js'
import { RequestError, RequestErrorCode } from '../wire/request/request-error.js'
import { busy } from './admission.js'
import type { Answer } from './answer.js'
import type { OpenedRequest } from './history-delivery.js'
import type { Keyring } from './keyring.js'
import { checkEnvelope, checkSignature } from './request-checks.js'
import type { RequestPolicy } from './request-policy.js'
import { ServedRequests } from './served-requests.js'
import type { MailserverSettings } from './settings.js'

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

export interface RequestOpenerParts {
  keyring: Keyring
  /** For requests of devp2p clients that are sealed to it. */
  privateKey: Uint8Array | undefined
  settings: Pick<MailserverSettings, 'now' | 'maxLimit' | 'rememberedRequests'>
  counts: LimitCounts
}

/** From a request as it was sent to what the archive is asked; each once. */
export class RequestOpener {
  /** What is asked of requests, by network, from now on. */
  policies: Record<Network, RequestPolicy>
  readonly #parts: RequestOpenerParts
  readonly #privateKeys: Uint8Array[]
  readonly #served: ServedRequests
  readonly #forwarded: ServedRequests

  constructor(parts: RequestOpenerParts, policies: Record<Network, RequestPolicy>) {
    const { privateKey, settings } = parts
    this.#parts = parts
    this.policies = policies
    this.#privateKeys = privateKey === undefined ? [] : [privateKey]
    this.#served = new ServedRequests(settings.rememberedRequests)
    this.#forwarded = new ServedRequests(settings.rememberedRequests)
  }

  /**
   * Says in `answer` in which form the request is written, as soon as that is known.
   *
   * @throws {RequestError} of any code but internal
   */
  open(request: IncomingRequest, asked: AskedRequest, answer: Pick<Answer, 'dialect'>): OpenedRequest {
    const { maxLimit } = this.#parts.settings
    const now = this.#parts.settings.now()
    const history = asked.plain === undefined ? this.#unseal(request, asked.envelope, answer, now) : asked.plain.read()
    const form = request.codec.answer(answer.dialect, history)
    return { settled: settleRequest(history, { now, maxLimit, limitRule: form.limitRule }), form }
  }

  /**
   * From here on the same request is not passed on again.
   *
   * @throws {RequestError} not allowed, or busy
   */
  claimForwarded(request: IncomingRequest, envelope: Envelope): void {
    if (this.policies[request.network].fresh) this.#claim(this.#forwarded, request, envelope)
  }

  /** What it cost that each key was tried, in bytes hashed meanwhile. */
  costOfTrials({ peer, network, body }: IncomingRequest): number {
    const { trial, agreement } = FIGURES.throttle
    const symmetric = this.#parts.keyring.keysFor(peer).length
    return symmetric * trial * body.length + this.#privateKeysOn(network).length * agreement
  }

  #privateKeysOn(network: Network): Uint8Array[] {
    return network === 'devp2p' ? this.#privateKeys : []
  }

  /** Cheap checks come first. */
  #unseal(request: IncomingRequest, envelope: Envelope, answer: Pick<Answer, 'dialect'>, now: number): HistoryRequest {
    const { peer, codec, network } = request
    const policy = this.policies[network]
    checkEnvelope(envelope, policy, now)
    if (policy.fresh && this.#served.has(envelope.hash, endOf(envelope))) throw replayed()
    const symmetric = this.#parts.keyring.keysFor(peer)
    const parts = unwrap(decrypt(envelope, { symmetric, asymmetric: this.#privateKeysOn(network) }))
    const read = readPayload(parts.payload, codec)
    answer.dialect = read.dialect
    // recovering a signer takes a millisecond: not where nobody asks for it
    if (policy.signature !== 'none') judgeSigner(parts, peer, policy)
    if (read.error !== undefined) throw read.error
    if (policy.fresh) this.#claim(this.#served, request, envelope)
    return read.request
  }

  #claim(ids: ServedRequests, { origin }: IncomingRequest, envelope: Envelope): void {
    const claim = ids.claim(envelope.hash, endOf(envelope), this.#parts.settings.now(), origin.address)
    if (claim === 'known') throw replayed()
    if (claim !== 'full') return
    this.#parts.counts.add('refused_served')
    throw busy('too many requests were served lately')
  }
}

/** When a request is too old to be taken again, Unix seconds. */
function endOf(envelope: Envelope): number {
  return envelope.expiry + FIGURES.request.clocks
}

function replayed(): RequestError {
  return new RequestError(RequestErrorCode.notAllowed, 'this request was served before; seal it anew')
}

/**
 * Decrypts a request with the first of `keys` that opens it.
 *
 * @throws {RequestError} cannot decrypt
 */
function decrypt(envelope: Envelope, keys: OpeningKeys): Uint8Array {
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
function unwrap(plain: Uint8Array): PayloadParts {
  return orRefused(() => splitPayload(plain), RequestErrorCode.malformed)
}

/**
 * Judges the signature of a decrypted request by the policy.
 *
 * @throws {RequestError} signature
 */
function judgeSigner(parts: PayloadParts, peer: PeerId, policy: RequestPolicy): void {
  checkSignature(
    orRefused(() => signerOf(parts), RequestErrorCode.signature),
    peer,
    policy
  )
}

/** What a payload asks, or why it cannot be read; in either case in which form it is written, as far as that can be told. */
type ReadPayload =
  | { dialect: Dialect; request: HistoryRequest; error?: undefined }
  | { dialect: Dialect | undefined; error: RequestError }

/** Reads a payload once, so that who asks with a bad signature is refused in the form that it reads. */
function readPayload(payload: Uint8Array, codec: Pick<AnsweringCodec, 'decodePayload'>): ReadPayload {
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
