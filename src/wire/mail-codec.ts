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

/** Which request forms a peer may use, and how it is answered. */
export interface MailCodec {
  readonly name: string
  /** The forms that can be asked of this kind of server. */
  readonly dialects: readonly Dialect[]
  readonly defaultDialect: Dialect
  /** @throws RequestError */
  decodePayload(payload: Uint8Array): { dialect: Dialect; request: HistoryRequest }
  /** @throws UnencodableError */
  encodePayload(request: HistoryRequest, dialect: Dialect): Uint8Array
  /**
   * Reads a request (the whole body of 0x7e) that is not encrypted. Undefined when it is none; absent where there are
   * none. Comes before the body is taken for an envelope.
   * @throws MalformedError
   */
  decodePlain?(body: Uint8Array): PlainRequest | undefined
  /**
   * The whole body of 0x7e, unencrypted.
   * @param requestId 32 bytes, fresh for each request
   * @throws UnencodableError
   */
  encodePlain?(request: HistoryRequest, dialect: PlainDialect, requestId: Uint8Array): Uint8Array
  /** How a request of this form is answered; `dialect` is undefined where none could be read. */
  answer(dialect?: Dialect, request?: HistoryRequest): AnswerForm
  /** `dialect` is that of the request, where it could be read. */
  encodeComplete(complete: RequestComplete, dialect?: Dialect): Uint8Array
  /** @throws MalformedError */
  decodeComplete(body: Uint8Array): RequestComplete
}

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

/** Mailserver streams of libp2p: the order of the specification by default, and always the completion as a list. */
export const libp2pMail: MailCodec = {
  name: 'libp2p',
  dialects: ['spec4', 'spec5', 'spec6t', 'sg6', 'sg7'],
  defaultDialect: 'spec6t',
  decodePayload: payload => decodeHistoryRequest(payload, { network: 'libp2p' }),
  encodePayload: encodeHistoryRequest,
  answer: () => listAnswer,
  encodeComplete: complete => encodeRequestComplete(complete),
  decodeComplete: decodeRequestComplete
}
