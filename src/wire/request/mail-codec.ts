import {
  type Dialect,
  decodeHistoryRequest,
  encodeHistoryRequest,
  type HistoryRequest,
  type LimitRule,
  type PlainDialect
} from './history-request.js'
import { encodeP2PBodies } from './p2p-body.js'
import type { PlainRequest } from './plain-request.js'
import { decodeRequestComplete, encodeRequestComplete, type RequestComplete } from './request-complete.js'

/** How a server is asked: which forms it reads, and how its completion is read. */
export interface AskingCodec {
  /** The forms that can be asked of this kind of server. */
  readonly dialects: readonly Dialect[]
  readonly defaultDialect: Dialect
  /** @throws UnencodableError */
  encodePayload(request: HistoryRequest, dialect: Dialect): Uint8Array
  /**
   * The whole body of 0x7e, unencrypted.
   * @param requestId 32 bytes, fresh for each request
   * @throws UnencodableError
   */
  encodePlain?(request: HistoryRequest, dialect: PlainDialect, requestId: Uint8Array): Uint8Array
  /** @throws MalformedError */
  decodeComplete(body: Uint8Array): RequestComplete
}

/** Which request forms a requester may use, and how it is answered. */
export interface AnsweringCodec {
  readonly name: string
  /** The forms that such a peer, as a server, can be asked in. */
  readonly dialects: readonly Dialect[]
  /** @throws RequestError */
  decodePayload(payload: Uint8Array): { dialect: Dialect; request: HistoryRequest }
  /**
   * Reads a request (the whole body of 0x7e) that is not encrypted. Undefined when it is none; absent where there are
   * none. Comes before the body is taken for an envelope.
   * @throws MalformedError
   */
  decodePlain?(body: Uint8Array): PlainRequest | undefined
  /** How a request of this form is answered; `dialect` is undefined where none could be read. */
  answer(dialect?: Dialect, request?: HistoryRequest): AnswerForm
  /** `dialect` is that of the request, where it could be read. */
  encodeComplete(complete: RequestComplete, dialect?: Dialect): Uint8Array
}

export type MailCodec = AskingCodec & AnsweringCodec

/** What the form of a request says about its answer. */
export interface AnswerForm {
  /** For `settleRequest`. */
  readonly limitRule: LimitRule
  /** The 0x7f bodies that deliver these envelopes, in order: mostly one. Each in pieces, as `encodeP2PBodies` gives them. */
  bodies(raws: readonly Uint8Array[]): Uint8Array[][]
}

const listAnswer: AnswerForm = {
  limitRule: 'clamp',
  bodies: raws => encodeP2PBodies(raws, 'list')
}

const LIBP2P_DIALECTS: Dialect[] = ['spec4', 'spec5', 'spec6t', 'sg6', 'sg7']

/** A server on mailserver streams of libp2p: the order of the specification by default. */
export const askingLibp2p: AskingCodec = {
  dialects: LIBP2P_DIALECTS,
  defaultDialect: 'spec6t',
  encodePayload: encodeHistoryRequest,
  decodeComplete: decodeRequestComplete
}

/** A requester on such a stream: always answered with the completion as a list. */
export const answeringLibp2p: AnsweringCodec = {
  name: 'libp2p',
  dialects: LIBP2P_DIALECTS,
  decodePayload: payload => decodeHistoryRequest(payload, { network: 'libp2p' }),
  answer: () => listAnswer,
  encodeComplete: complete => encodeRequestComplete(complete)
}
