import { pipe } from 'it-pipe'
import { anySignal } from '../base/any-signal.js'
import type { Tally } from '../base/tally.js'
import * as FIGURES from '../limits/figures.js'
import type { Origin } from '../limits/origin.js'
import { prefetch } from '../mailclient/prefetch.js'
import type { Watchdog } from '../mailclient/watchdog.js'
import type { IncomingRequest, MailLine } from '../waku/mail-exchange.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { RequestComplete } from '../wire/request/request-complete.js'
import type { ByteAllowance } from './byte-allowance.js'
import type { UpstreamRelayEvent } from './counters.js'
import {
  AllowanceSpentError,
  NoTurnError,
  SlowRequesterError,
  UpstreamMisbehavedError,
  UpstreamUnreachableError
} from './errors.js'
import type { Upstream } from './upstream.js'
import { type AnswerPart, readAnswer } from './upstream-answer.js'
import type { UpstreamRelaySettings } from './upstream-relay-settings.js'

const { slow, ahead } = FIGURES.upstream

export interface RelayedRequestParts {
  request: IncomingRequest
  envelope: Envelope
  /** Sends envelopes to the requester. */
  deliver(raws: readonly Uint8Array[]): Promise<void>
  /** Runs since the request came. */
  watchdog: Watchdog
  allowance: ByteAllowance
  settings: UpstreamRelaySettings
  /** How long one upstream may take to be connected, in ms. */
  dialTimeout: number
  tally: Tally<UpstreamRelayEvent>
}

/** One request on its way to upstream mailservers, one after the other until one answers. */
export class RelayedRequest {
  /** Envelopes went to the requester: from now on nobody else can be asked. */
  delivered = false
  readonly #parts: RelayedRequestParts
  readonly #requester: Origin
  /** The upstream that is asked has the request. */
  #sent = false
  #packets = 0

  constructor(parts: RelayedRequestParts) {
    this.#parts = parts
    this.#requester = parts.request.origin
  }

  /** Whether the upstream that was asked last may have seen the request. */
  get sent(): boolean {
    return this.#sent
  }

  /**
   * Asks one upstream; resolves with its completion when all before it went to the requester.
   *
   * @throws {NoTurnError} when others kept it busy until the deadline
   * @throws {UpstreamUnreachableError}
   * @throws {UpstreamMisbehavedError}
   * @throws {AllowanceSpentError}
   * @throws {SlowRequesterError} when others waited for the upstream meanwhile
   * @throws what broke the line, what `deliver` threw, or the reason of the watchdog's signal
   */
  async ask(upstream: Upstream): Promise<RequestComplete> {
    this.#sent = false
    this.#packets = 0
    const left = new AbortController()
    const signal = anySignal([this.#parts.watchdog.signal, left.signal])
    const bounds = { count: ahead.parts, size: ahead.bytes, sizeOf, signal }
    try {
      return await pipe(
        this.#inTurn(upstream, signal, left),
        parts => prefetch(parts, bounds),
        parts => this.#deliver(parts)
      )
    } catch (error) {
      left.abort(error)
      throw error
    }
  }

  async #deliver(parts: AsyncIterable<AnswerPart>): Promise<RequestComplete> {
    const { deliver, tally } = this.#parts
    for await (const part of parts) {
      if ('complete' in part) return part.complete
      this.delivered = true
      await deliver(part.raws)
      tally.add('envelopes', part.raws.length)
    }
    throw new UpstreamMisbehavedError('the answer has no end')
  }

  /** The parts of an answer. The upstream's turn ends with the answer or the signal, whatever the requester takes. */
  async *#inTurn(upstream: Upstream, signal: AbortSignal, left: AbortController): AsyncGenerator<AnswerPart, void> {
    const release = await takeTurn(upstream, this.#requester, signal)
    let line: MailLine | undefined
    const drop = (): void => {
      line?.abort(signal.reason as Error)
      release()
    }
    signal.addEventListener('abort', drop, { once: true })
    try {
      line = await this.#dial(upstream, signal)
      this.#sent = true
      this.#parts.tally.add('requests_forwarded')
      let patience = this.#parts.settings.requesterPatience
      for await (const part of this.#read(line, signal)) {
        // while there is room ahead of the requester this takes no time
        const since = performance.now()
        const stop = this.#whileSlow(upstream, left, patience)
        try {
          yield part
        } finally {
          stop()
        }
        patience -= performance.now() - since
      }
      signal.removeEventListener('abort', drop)
      // one that closes slowly keeps nobody waiting
      line.close().catch(() => {})
    } catch (error) {
      line?.abort(error as Error)
      throw error
    } finally {
      signal.removeEventListener('abort', drop)
      release()
    }
  }

  /** Gives the turn up once the requester was waited for that long and somebody else waits for the upstream. */
  #whileSlow({ queue }: Upstream, left: AbortController, patience: number): () => void {
    const { allowance, tally, watchdog } = this.#parts
    const check = (): void => {
      if (watchdog.signal.aborted) return
      if (!queue.crowded) {
        timer = setTimeout(check, slow.recheck)
        return
      }
      tally.add('requesters_slow')
      allowance.spend(this.#requester, slow.cost)
      left.abort(new SlowRequesterError('others wait for this mailserver'))
    }
    let timer = setTimeout(check, Math.max(0, patience))
    return () => clearTimeout(timer)
  }

  #read(line: MailLine, signal: AbortSignal): AsyncGenerator<AnswerPart, void> {
    const { request, envelope, watchdog, allowance, settings, tally } = this.#parts
    return readAnswer(
      line,
      { body: request.body, requestId: envelope.hash },
      {
        maxBytes: settings.maxAnswerBytes,
        maxEnvelopes: settings.maxAnswerEnvelopes,
        onPacket: ({ body }) => {
          if (this.#packets++ === 0) watchdog.feed(settings.overallTimeout)
          tally.add('bytes', body.length)
          if (!allowance.spend(this.#requester, body.length)) throw new AllowanceSpentError('the requester had enough')
        },
        onForeign: () => tally.add('completions_foreign')
      },
      { signal }
    )
  }

  async #dial(upstream: Upstream, signal: AbortSignal): Promise<MailLine> {
    const expired = new AbortController()
    const timer = setTimeout(() => expired.abort(new Error('no connection in time')), this.#parts.dialTimeout)
    try {
      return await upstream.dial({ signal: anySignal([signal, expired.signal]) })
    } catch (cause) {
      signal.throwIfAborted()
      throw new UpstreamUnreachableError('the upstream cannot be reached', { cause })
    } finally {
      clearTimeout(timer)
    }
  }
}

function sizeOf(part: AnswerPart): number {
  return 'complete' in part ? 0 : part.bytes
}

/** Waits for a turn at an upstream; what it resolves with ends the turn. */
function takeTurn({ queue }: Upstream, requester: Origin, signal: AbortSignal): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const turn = (): Promise<void> => new Promise<void>(release => resolve(release))
    queue.run(requester, turn, { signal }).catch(cause => reject(new NoTurnError('the upstream is busy', { cause })))
  })
}
