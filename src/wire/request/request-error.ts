import { printable } from '../printable.js'
import type { Dialect } from './request-shape.js'

/** Why a history request failed, as the completion says it (protocols/mailserver.md). */
export const RequestErrorCode = {
  malformed: 1,
  undecryptable: 2,
  pow: 3,
  signature: 4,
  range: 5,
  filter: 6,
  bloom: 7,
  topics: 8,
  cursor: 9,
  busy: 10,
  notAllowed: 11,
  internal: 12
} as const

/** A history request that cannot be answered. The text is one printable line of at most 200 bytes. */
export class RequestError extends Error {
  static override readonly name = 'RequestError'
  override readonly name = 'RequestError'

  /**
   * @param code one of `RequestErrorCode`, or what a newer server says
   * @param options.retryAfter seconds
   * @param options.dialect the form of the request, where that much could be told of one that is malformed
   */
  constructor(
    readonly code: number,
    text: string,
    options: { retryAfter?: number | undefined; dialect?: Dialect | undefined; cause?: unknown } = {}
  ) {
    super(printable(text), options.cause === undefined ? {} : { cause: options.cause })
    this.retryAfter = options.retryAfter
    this.dialect = options.dialect
  }

  readonly retryAfter: number | undefined
  dialect: Dialect | undefined
}
