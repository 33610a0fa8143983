import { type Dialect, decodeHistoryRequest, encodeHistoryRequest, type HistoryRequest } from './history-request.js'
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
  /** `dialect` is that of the request, where it could be read. */
  encodeComplete(complete: RequestComplete, dialect?: Dialect): Uint8Array
  /** @throws MalformedError */
  decodeComplete(body: Uint8Array): RequestComplete
}

/** Mailserver streams of libp2p: the order of the specification by default, and always the completion as a list. */
export const libp2pMail: MailCodec = {
  name: 'libp2p',
  dialects: ['spec4', 'spec5', 'spec6t', 'sg6', 'sg7'],
  defaultDialect: 'spec6t',
  decodePayload: payload => decodeHistoryRequest(payload, { network: 'libp2p' }),
  encodePayload: encodeHistoryRequest,
  encodeComplete: complete => encodeRequestComplete(complete),
  decodeComplete: decodeRequestComplete
}
