import type { ComponentLogger, Logger, Metrics, PeerId } from '@libp2p/interface'
import { anySignal } from '../base/any-signal.js'
import { Tally } from '../base/tally.js'
import * as FIGURES from '../limits/figures.js'
import { MemoryBudget } from '../limits/memory-budget.js'
import type { Origin } from '../limits/origin.js'
import { Watchdog } from '../mailclient/watchdog.js'
import { Admission, busy } from '../mailserver/admission.js'
import type { RequestForwarder } from '../mailserver/request-forwarder.js'
import type { IncomingRequest } from '../waku/mail-exchange.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { RequestComplete } from '../wire/request/request-complete.js'
import { RequestError, RequestErrorCode } from '../wire/request/request-error.js'
import { ByteAllowance } from './byte-allowance.js'
import { UPSTREAM_RELAY_EVENTS, type UpstreamRelayEvent } from './counters.js'
import { UpstreamRelayStoppedError } from './errors.js'
import { RecentIds } from './recent-ids.js'
import { RelayedRequest, type RelayedRequestParts } from './relayed-request.js'
import { Upstream, type UpstreamInit } from './upstream.js'
import { settle, type UpstreamRelayInit, type UpstreamRelaySettings } from './upstream-relay-settings.js'

export interface UpstreamRelayParts {
  /** In the order in which they are asked. */
  upstreams: readonly UpstreamInit[]
  /** Whose requests are passed on. */
  allows(peer: PeerId): boolean
  logger: ComponentLogger
  metrics?: Metrics | undefined
}

const LATE = 'the mailserver behind this one did not answer in time'

/**
 * Passes requests that no key of ours opens on to upstream mailservers, untouched, and their answers back
 * (protocols/devp2p.md, Upstream relay). What passes through reaches nothing else of this node.
 */
export class UpstreamRelay {
  readonly tally: Tally<UpstreamRelayEvent>
  readonly #upstreams: Upstream[]
  readonly #allows: UpstreamRelayParts['allows']
  readonly #log: Logger
  readonly #settings: UpstreamRelaySettings
  readonly #admission: Admission
  readonly #allowance: ByteAllowance
  readonly #memory: MemoryBudget
  readonly #ids = new RecentIds(FIGURES.upstream.circle.within, FIGURES.upstream.circle.remembered)
  readonly #stopped = new AbortController()

  constructor(parts: UpstreamRelayParts, init: UpstreamRelayInit = {}) {
    this.#upstreams = parts.upstreams.map(upstream => new Upstream(upstream))
    this.#allows = parts.allows
    this.#log = parts.logger.forComponent('waku:upstream-relay')
    this.#settings = settle(init)
    const { maxRequests: max, maxRequestsPerPeer: maxPerPeer, peerBytesPerHour, aheadBytes } = this.#settings
    this.#admission = new Admission({ max, maxPerPeer })
    this.#allowance = new ByteAllowance(peerBytesPerHour)
    this.#memory = new MemoryBudget(aheadBytes)
    this.tally = new Tally(
      UPSTREAM_RELAY_EVENTS,
      { name: 'waku_mailserver_upstream_relay_events_total', help: 'What became of requests for other mailservers' },
      parts.metrics
    )
  }

  /** Gives up what is under way; those requests are refused as busy. */
  stop(): void {
    this.#stopped.abort(new UpstreamRelayStoppedError('the server is stopping'))
  }

  readonly forward: RequestForwarder = async (request, envelope, { accepted, deliver }) => {
    const candidates = this.#candidates(request, envelope)
    if (candidates.length === 0) return undefined
    const leave = this.#enter(request.origin)
    const { firstTimeout: first, overallTimeout: overall } = this.#settings
    // half of the time is for those that others come after
    const share = candidates.length > 1 ? first / 2 / (candidates.length - 1) : first
    const dialTimeout = Math.min(this.#settings.dialTimeout, share)
    const watchdog = new Watchdog({ first, overall }, anySignal([request.signal, this.#stopped.signal]))
    const { tally } = this
    const parts = {
      request,
      envelope,
      deliver,
      watchdog,
      tally,
      allowance: this.#allowance,
      memory: this.#memory,
      settings: this.#settings,
      dialTimeout
    }
    try {
      accepted()
      return await this.#ask(candidates, new RelayedRequest(parts), parts)
    } catch (error) {
      if (error instanceof RequestError && error.code === RequestErrorCode.busy) tally.add('requests_busy')
      throw error
    } finally {
      watchdog.stop()
      leave()
    }
  }

  /** Who may be asked for this requester, whoever failed lately last; nobody, when the request stays here. */
  #candidates(request: IncomingRequest, envelope: Envelope): Upstream[] {
    // what an upstream asks for goes round in a circle
    if (this.#upstreams.some(({ peer }) => peer.equals(request.peer))) return this.#none('loops')
    if (!this.#allows(request.peer)) return this.#none('peers_not_allowed')
    const able = this.#upstreams.filter(upstream => upstream.reads(request, envelope))
    if (able.length === 0) return this.#none('requests_unforwardable')
    if (!this.#ids.add(envelope.hashHex)) return this.#none('loops')
    const recently = performance.now() - this.#settings.failurePause
    const rank = ({ failed = 0 }: Upstream): number => (failed > recently ? failed : 0)
    return able.sort((a, b) => rank(a) - rank(b))
  }

  #none(why: UpstreamRelayEvent): [] {
    this.tally.add(why)
    return []
  }

  #enter(requester: Origin): () => void {
    try {
      const { peerBytesPerHour } = this.#settings
      const least = Math.min(FIGURES.upstream.spent.least, peerBytesPerHour)
      if (this.#allowance.left(requester) < least) {
        throw busy('enough was forwarded for you', this.#allowance.wait(requester, least))
      }
      return this.#admission.enter(requester)
    } catch (error) {
      this.tally.add('requests_busy')
      throw error
    }
  }

  /** Undefined when no upstream can be reached while there is time: then nobody here reads the request. */
  async #ask(
    candidates: Upstream[],
    relayed: RelayedRequest,
    parts: RelayedRequestParts
  ): Promise<RequestComplete | undefined> {
    const { signal } = parts.watchdog
    let last: { complete: RequestComplete } | { error: RequestError } | undefined
    for (const upstream of candidates) {
      if (signal.aborted) break
      try {
        const complete = upstream.explain(await relayed.ask(upstream), parts.request)
        upstream.failed = undefined
        last = { complete }
        // one that cannot read the request is not the one that it was sealed for
        if (complete.error?.code !== RequestErrorCode.undecryptable || relayed.delivered) break
      } catch (error) {
        // a requester that is gone, and a server that stops, need no other upstream
        parts.request.signal.throwIfAborted()
        const refusal = this.#judge(error as Error, upstream, { sent: relayed.sent, late: signal.aborted })
        if (refusal === undefined) continue
        last = { error: refusal }
        if (relayed.delivered) break
      }
    }
    if (last === undefined) {
      if (signal.aborted) throw new RequestError(RequestErrorCode.internal, LATE)
      return undefined
    }
    if ('error' in last) throw last.error
    this.tally.add(last.complete.error === undefined ? 'answers_complete' : 'answers_refused')
    return last.complete
  }

  /**
   * What a failure means for the requester; undefined when the upstream was not reached.
   *
   * @throws what no other upstream can mend
   */
  #judge(error: Error, upstream: Upstream, how: { sent: boolean; late: boolean }): RequestError | undefined {
    const { name } = error
    if (name === 'RequesterGoneError') throw error
    if (this.#stopped.signal.aborted) throw busy('the server is stopping')
    if (name === 'NoTurnError') throw busy('the mailserver behind this one is busy')
    if (name === 'SlowRequesterError')
      throw busy('others wait for the mailserver behind this one: ask for less at a time')
    if (name === 'AllowanceSpentError') {
      this.tally.add('budgets_exhausted')
      throw busy('enough was forwarded for you', FIGURES.upstream.spent.pause)
    }
    upstream.failed = performance.now()
    this.#log.trace('an upstream failed - %e', error)
    if (!how.sent) {
      this.tally.add('upstreams_unreachable')
      return undefined
    }
    const [event, text] = how.late
      ? (['upstreams_late', LATE] as const)
      : name === 'UpstreamMisbehavedError'
        ? (['upstreams_misbehaved', 'the mailserver behind this one sent what is no answer'] as const)
        : (['upstreams_broken', 'the mailserver behind this one ended the connection'] as const)
    this.tally.add(event)
    return new RequestError(RequestErrorCode.internal, text, { cause: error })
  }
}
