import type { Network } from '../waku/packet-channel.js'
import type { Dialect } from '../wire/request/history-request.js'
import { RequestErrorCode } from '../wire/request/request-error.js'

/**
 * How a request ended: answered from here, or by another mailserver; refused with one of the errors of the protocol; its
 * requester left before the end; or what was sent is no envelope.
 */
export const REQUEST_OUTCOMES = [
  'delivered',
  'forwarded',
  ...(Object.keys(RequestErrorCode) as Array<keyof typeof RequestErrorCode>),
  'gone',
  'no_envelope'
] as const

export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number]

/** What became of one history request, without saying who asked, or for what. */
export interface AnsweredRequest {
  network: Network
  /** Absent when its form could not be told. */
  dialect: Dialect | undefined
  outcome: RequestOutcome
  /** Why it was refused, as the requester was told. */
  reason: string | undefined
  /** From reading it to the end of the answer. */
  seconds: number
  envelopes: number
  bytes: number
  /** Entries of tables and indexes that the archive read for it; undefined without a page, or where it does not tell. */
  visited: number | undefined
}
