import type { IncomingRequest } from '../waku/mail-exchange.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { RequestComplete } from '../wire/request/request-complete.js'

/**
 * Passes on a request that no key of this mailserver opens. It sends the 0x7f packets itself; the mailserver sends the
 * completion.
 *
 * @param answer.accepted called once, before anything is sent to an upstream; what it throws refuses the request
 * @param answer.deliver sends envelopes to the requester, in its form; awaiting it is the backpressure
 * @returns how the answer ended; undefined when the request is not passed on, and nothing was delivered
 * @throws {RequestError} how the requester is refused
 * @throws {RequesterGoneError} what `deliver` threw
 */
export type RequestForwarder = (
  request: IncomingRequest,
  envelope: Envelope,
  answer: { accepted(): void; deliver(raws: readonly Uint8Array[]): Promise<void> }
) => Promise<RequestComplete | undefined>
