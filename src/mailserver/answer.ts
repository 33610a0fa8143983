import type { FairQueue } from '../limits/fair-queue.js'
import * as FIGURES from '../limits/figures.js'
import type { IncomingRequest } from '../waku/mail-exchange.js'
import { keccak256 } from '../wire/keccak.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import type { Dialect } from '../wire/request/history-request.js'
import type { RequestComplete } from '../wire/request/request-complete.js'
import type { RequestError } from '../wire/request/request-error.js'
import { RequesterGoneError } from './errors.js'
import type { HistoryEnd } from './history-delivery.js'

const NO_HASH: Uint8Array = new Uint8Array(32)

/** What goes back to the requester of one request: any 0x7f, then exactly one 0x7d. */
export class Answer {
  /** Envelopes that left. */
  envelopes = 0
  bytes = 0
  /** Entries that the archive read for it; undefined where it does not tell. */
  visited: number | undefined
  /** How the request was written, once that is known. */
  dialect: Dialect | undefined
  #last: Uint8Array = NO_HASH
  #completed = false
  readonly #request: IncomingRequest
  readonly #requestId: Uint8Array
  readonly #sending: FairQueue

  /** @param sending its turns */
  constructor(request: IncomingRequest, requestId: Uint8Array, sending: FairQueue) {
    this.#request = request
    this.#requestId = requestId
    this.#sending = sending
  }

  /** @throws {RequesterGoneError} */
  async send(code: number, body: Uint8Array | readonly Uint8Array[]): Promise<void> {
    const { origin, signal } = this.#request
    if (signal.aborted) throw new RequesterGoneError('the requester is gone')
    try {
      if (lengthOf(body) < FIGURES.archive.small) return await this.#request.send(code, body)
      // waiting until it is taken is no part of the turn
      const { taken } = await this.#sending.run(origin, () => ({ taken: this.#request.send(code, body) }), { signal })
      await taken
    } catch (cause) {
      throw new RequesterGoneError('the requester is gone', { cause })
    }
  }

  /** Notes envelopes whose packet left. */
  sent(rows: ReadonlyArray<{ hash: Uint8Array; raw: Uint8Array }>): void {
    this.#note(rows, rows.at(-1)?.hash)
  }

  /**
   * Sends envelopes that another mailserver answered with, in the requester's form.
   *
   * @throws {RequesterGoneError}
   */
  async deliver(raws: readonly Uint8Array[]): Promise<void> {
    for (const body of this.#request.codec.answer(this.dialect).bodies(raws))
      await this.send(PacketCode.P2PMessage, body)
    const last = raws.at(-1)
    this.#note(
      raws.map(raw => ({ raw })),
      last && keccak256(last)
    )
  }

  /**
   * Ends with the completion of another mailserver, in the requester's form.
   *
   * @throws {RequesterGoneError}
   */
  async passOn(complete: RequestComplete): Promise<void> {
    // some servers say only that they are through
    const lastHash = complete.lastHash.some(byte => byte !== 0) ? complete.lastHash : this.#last
    await this.#complete({ ...complete, lastHash })
  }

  /** @throws {RequesterGoneError} */
  async complete(end: HistoryEnd): Promise<void> {
    await this.#complete(end)
  }

  /** @throws {RequesterGoneError} */
  async refuse({ code, message, retryAfter }: RequestError): Promise<void> {
    await this.#complete({ error: { code, text: message, retryAfter } })
  }

  #note(rows: ReadonlyArray<{ raw: Uint8Array }>, last: Uint8Array | undefined): void {
    for (const { raw } of rows) this.bytes += raw.length
    this.envelopes += rows.length
    this.#last = last ?? this.#last
  }

  async #complete(how: Partial<RequestComplete>): Promise<void> {
    if (this.#completed) return
    this.#completed = true
    const complete = { requestId: this.#requestId, lastHash: this.#last, ...how }
    await this.send(PacketCode.RequestComplete, this.#request.codec.encodeComplete(complete, this.dialect))
  }
}

function lengthOf(body: Uint8Array | readonly Uint8Array[]): number {
  if (body instanceof Uint8Array) return body.length
  let length = 0
  for (const part of body) length += part.length
  return length
}
