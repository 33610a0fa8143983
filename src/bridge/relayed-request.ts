import { pipe } from 'it-pipe'
import { anySignal } from '../base/any-signal.js'
import type { Tally } from '../base/tally.js'
import * as FIGURES from '../limits/figures.js'
import type { Holder, MemoryBudget } from '../limits/memory-budget.js'
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
import { TurnCost } from './turn-cost.js'
import type { Upstream, UpstreamTurn } from './upstream.js'
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
  /** For what requesters did not take yet. */
  memory: MemoryBudget
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
    const { memory, watchdog } = this.#parts
    const { address } = this.#requester
    const left = new AbortController()
    const signal = anySignal([watchdog.signal, left.signal])
    let evict = (): void => {}
    const evicted = new Promise<never>((_, reject) => {
      evict = () => {
        this.#giveUp(left)
        // also when the deadline was first, and nothing was left to give up
        reject(signal.reason)
      }
    })
    evicted.catch(() => {})
    const held: Holder = { address, bytes: 0, evict: () => evict() }
    try {
      return await pipe(
        this.#inTurn(upstream, signal, { left, held }),
        parts => prefetch(parts, { isFull: () => memory.isCrowded(address), signal }),
        parts => this.#deliver(parts, { held, evicted })
      )
    } catch (error) {
      left.abort(error)
      throw error
    } finally {
      memory.hold(held, 0)
    }
  }

  async #deliver(
    parts: AsyncIterable<AnswerPart>,
    { held, evicted }: { held: Holder; evicted: Promise<never> }
  ): Promise<RequestComplete> {
    const { deliver, tally, memory } = this.#parts
    for await (const part of parts) {
      if ('complete' in part) return part.complete
      this.delivered = true
      // whose memory others need has it no longer, whatever it takes
      await Promise.race([deliver(part.raws), evicted])
      memory.hold(held, Math.max(0, held.bytes - sizeOf(part)))
      tally.add('envelopes', part.raws.length)
    }
    throw new UpstreamMisbehavedError('the answer has no end')
  }

  /** The parts of an answer. The upstream's turn ends with the answer or the signal, whatever the requester takes. */
  async *#inTurn(
    upstream: Upstream,
    signal: AbortSignal,
    { left, held }: { left: AbortController; held: Holder }
  ): AsyncGenerator<AnswerPart, void> {
    const { memory, settings, tally } = this.#parts
    const turn = await upstream.turn(this.#requester, signal).catch(cause => {
      throw new NoTurnError('the upstream is busy', { cause })
    })
    const cost = new TurnCost(upstream)
    let line: MailLine | undefined
    const drop = (): void => {
      line?.abort(signal.reason as Error)
      turn.end(cost.ms)
    }
    signal.addEventListener('abort', drop, { once: true })
    try {
      line = await this.#dial(upstream, signal)
      this.#sent = true
      tally.add('requests_forwarded')
      for await (const part of this.#read(line, signal, cost)) {
        memory.hold(held, held.bytes + sizeOf(part))
        // while there is room ahead of the requester this takes no time
        cost.offer()
        const stop = this.#whileSlow(turn, left, settings.requesterPatience - cost.kept)
        try {
          yield part
        } finally {
          stop()
          cost.ask()
        }
      }
      signal.removeEventListener('abort', drop)
      // one that closes slowly keeps nobody waiting
      line.close().catch(() => {})
    } catch (error) {
      line?.abort(error as Error)
      throw error
    } finally {
      signal.removeEventListener('abort', drop)
      turn.end(cost.ms)
    }
  }

  /** Gives the turn up once the requester was waited for that long and somebody else waits for the upstream. */
  #whileSlow(turn: UpstreamTurn, left: AbortController, patience: number): () => void {
    const check = (): void => {
      if (turn.isAwaited) this.#giveUp(left)
      else timer = setTimeout(check, slow.recheck)
    }
    let timer = setTimeout(check, Math.max(0, patience))
    return () => clearTimeout(timer)
  }

  /** The requester was too slow for others. */
  #giveUp(left: AbortController): void {
    const { allowance, tally, watchdog } = this.#parts
    if (left.signal.aborted || watchdog.signal.aborted) return
    tally.add('requesters_slow')
    allowance.spend(this.#requester, slow.cost)
    left.abort(new SlowRequesterError('others wait for this mailserver'))
  }

  #read(line: MailLine, signal: AbortSignal, cost: TurnCost): AsyncGenerator<AnswerPart, void> {
    const { request, envelope, watchdog, allowance, settings, tally } = this.#parts
    return readAnswer(
      line,
      { body: request.body, requestId: envelope.hash },
      {
        maxBytes: settings.maxAnswerBytes,
        maxEnvelopes: settings.maxAnswerEnvelopes,
        onSent: () => cost.ask(),
        onPacket: ({ body }) => {
          cost.came(body.length)
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
  return 'complete' in part ? 0 : part.bytes + part.raws.length * ahead.envelope
}
