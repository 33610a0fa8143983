import type { ComponentLogger, Logger, Metrics, Startable } from '@libp2p/interface'
import type { Archive } from '../archive/archive.js'
import { ageFloor, checkRetention } from '../archive/retention-rules.js'
import { anySignal } from '../base/any-signal.js'
import { delay } from '../base/delay.js'
import { Tally } from '../base/tally.js'
import * as FIGURES from '../limits/figures.js'
import type { Origin } from '../limits/origin.js'
import { inVain } from '../limits/throttle.js'
import type { IncomingRequest, RequestHandler } from '../waku/mail-exchange.js'
import type { Network } from '../waku/packet-channel.js'
import type { EnvelopeStore } from '../waku/store-batch.js'
import type { WakuNode } from '../waku/waku-node.js'
import { RequestError, RequestErrorCode } from '../wire/request/request-error.js'
import { Admission, busy } from './admission.js'
import { Answer } from './answer.js'
import type { AnsweredRequest, RequestOutcome } from './answered-request.js'
import { Attendance } from './attendance.js'
import { MAILSERVER_EVENTS, type MailserverEvent } from './counters.js'
import { CoverageReport } from './coverage-report.js'
import { MailserverStoppedError, RequesterGoneError } from './errors.js'
import { HistoryDelivery } from './history-delivery.js'
import type { Keyring } from './keyring.js'
import { ReadAhead } from './read-ahead.js'
import type { RequestForwarder } from './request-forwarder.js'
import { type AskedRequest, RequestOpener, readRequest } from './request-opening.js'
import { type RequestPolicy, settlePolicies } from './request-policy.js'
import { RequestQueues } from './request-queues.js'
import { type MailserverInit, type MailserverSettings, settle } from './settings.js'
import { TopicStore } from './topic-store.js'

export interface MailserverComponents {
  waku: Pick<WakuNode, 'setStore' | 'limits'>
  archive: Archive
  keyring: Keyring
  logger: ComponentLogger
  metrics?: Metrics | undefined
  /** What of a topic is deleted at once when it was sent before a time, at the time `now`; by ages alone when absent. */
  floor?: ((topic: number, now: number) => number) | undefined
}

/** Archives what the base node accepts, and answers history requests (8/WAKU-MAIL) of any network. */
export class Mailserver implements Startable {
  readonly keyring: Keyring
  readonly tally: Tally<MailserverEvent>
  readonly store: EnvelopeStore
  readonly #waku: MailserverComponents['waku']
  readonly #archive: Archive
  readonly #delivery: HistoryDelivery
  readonly #attendance: Attendance
  readonly #log: Logger
  readonly #settings: MailserverSettings
  readonly #topicStore: TopicStore
  readonly #admission: Admission
  readonly #queues: RequestQueues
  readonly #opener: RequestOpener
  readonly #ahead = new ReadAhead(FIGURES.page.kept)
  readonly #forward: RequestForwarder | undefined
  readonly #onAnswered: ((answered: AnsweredRequest) => void) | undefined
  readonly #underWay = new Map<IncomingRequest, Promise<void>>()
  /** Aborted while it does not run. */
  #stopping = new AbortController()
  #running = false
  #unwatch = (): void => {}

  /** @throws {MailserverInitError} when an option is out of its range */
  constructor(components: MailserverComponents, init: MailserverInit = {}) {
    const settings = settle(init)
    this.keyring = components.keyring
    this.tally = new Tally(
      MAILSERVER_EVENTS,
      { name: 'waku_mailserver_events_total', help: 'What the mailserver did' },
      components.metrics
    )
    const { archive } = components
    this.#log = components.logger.forComponent('waku:mailserver')
    const { now, attendanceInterval: interval } = settings
    const attendance = new Attendance({ archive, log: this.#log, now, interval })
    this.#attendance = attendance
    const store = new TopicStore({
      archive,
      tally: this.tally,
      topics: init.archiveTopics,
      floor: components.floor ?? ageFloor(checkRetention(init.retention ?? {})),
      onStored: (error, append) => {
        attendance.stored(error)
        init.onStored?.(error, append)
      }
    })
    this.store = store
    this.#topicStore = store
    this.#waku = components.waku
    const { counts } = components.waku.limits
    this.#archive = archive
    this.#settings = settings
    this.#admission = new Admission({ max: settings.maxRequests, maxPerPeer: settings.maxRequestsPerPeer })
    this.#queues = new RequestQueues(settings.concurrency, () => counts.add('waited_request'))
    this.#delivery = new HistoryDelivery({
      archive,
      queue: this.#queues.reading,
      ahead: this.#ahead,
      coverage: new CoverageReport({
        archive,
        ongoing: () => attendance.ongoing,
        unarchived: topics => store.unarchived(topics)
      }),
      pageBytes: settings.pageBytes,
      running: () => this.#running
    })
    const { keyring } = components
    const { requestPrivateKey: privateKey } = init
    this.#opener = new RequestOpener({ keyring, privateKey, settings, counts }, settlePolicies(init.policies ?? {}))
    this.#forward = init.forward
    this.#onAnswered = init.onAnswered
  }

  readonly [Symbol.toStringTag] = 'mailserver'

  /** Other settings from now on, for envelopes and requests that come; checked by `settlePolicies` before. */
  change({
    archiveTopics,
    policies
  }: {
    archiveTopics: Uint8Array[] | undefined
    policies: Record<Network, RequestPolicy>
  }): void {
    this.#topicStore.keep(archiveTopics)
    this.#opener.policies = policies
  }

  start(): void {
    this.#running = true
    this.#unwatch = this.#archive.watch({
      appended: envelopes => this.#ahead.appended(envelopes),
      writable: () => this.#attendance.stored()
    })
    this.#stopping = new AbortController()
    this.#waku.setStore(this.store)
    this.#attendance.start()
  }

  /** Finishes the requests that are under way, until the deadline; those that come now are told to try later. */
  async beforeStop(): Promise<void> {
    if (!this.#running) return
    this.#running = false
    this.#stopping.abort()
    await this.#settled()
    for (const request of this.#underWay.keys()) request.abort(new MailserverStoppedError('the mailserver stopped'))
    await this.#settled(this.#ahead.close())
    this.#unwatch()
  }

  async stop(): Promise<void> {
    await this.beforeStop()
    await this.#attendance.stop()
  }

  /** Answers one request: resolves after its 0x7d left, or after its stream was given up. Never rejects. */
  readonly handle: RequestHandler = async request => {
    const answered = this.#serve(request).finally(() => this.#underWay.delete(request))
    this.#underWay.set(request, answered)
    await answered
    await this.#rest(request)
  }

  /** Who was refused a lot lately is asked for its next request later. */
  async #rest({ origin, signal }: IncomingRequest): Promise<void> {
    const { throttle, counts } = this.#waku.limits
    const wait = throttle.reserve(origin)
    if (wait === 0) return
    counts.add('slowed_request')
    await delay(wait, { signal: anySignal([signal, this.#stopping.signal]) }).catch(() => {})
  }

  async #serve(request: IncomingRequest): Promise<void> {
    this.tally.add('requests')
    const began = performance.now()
    const ended = (outcome: RequestOutcome, answer?: Answer, reason?: string): void =>
      this.#onAnswered?.({
        network: request.network,
        dialect: answer?.dialect,
        outcome,
        reason,
        seconds: (performance.now() - began) / 1000,
        envelopes: answer?.envelopes ?? 0,
        bytes: answer?.bytes ?? 0,
        visited: answer?.visited
      })
    let asked: AskedRequest
    try {
      asked = readRequest(request)
    } catch (error) {
      // without a request id there is nothing that an answer could name
      this.tally.add('requests_no_envelope')
      request.abort(error as Error)
      ended('no_envelope')
      return
    }
    const answer = new Answer(request, asked.requestId, this.#queues.sending)
    answer.dialect = asked.plain?.dialect
    try {
      try {
        ended(await this.#answer(request, asked, answer), answer)
      } catch (error) {
        if (error instanceof RequesterGoneError || request.signal.aborted) throw error
        const refusal = this.#refusal(error, request)
        answer.dialect ??= refusal.dialect
        await answer.refuse(refusal)
        ended(nameOf(refusal.code), answer, refusal.message)
      }
    } catch (error) {
      this.tally.add('requesters_gone')
      this.#log.trace('a request was given up - %e', error)
      ended('gone', answer)
    }
    this.tally.add('envelopes_delivered', answer.envelopes)
    this.tally.add('bytes_delivered', answer.bytes)
  }

  async #answer(request: IncomingRequest, asked: AskedRequest, answer: Answer): Promise<'delivered' | 'forwarded'> {
    if (!this.#running) throw busy('the server is stopping')
    const { origin } = request
    const leave = this.#enter(origin)
    try {
      const opened = await this.#queues.opening.run(origin, () => this.#opener.open(request, asked, answer), request)
      const end = await this.#delivery.deliver(request, opened, answer)
      this.tally.add('envelopes_damaged', end.damaged ?? 0)
      await answer.complete(end)
      this.tally.add('pages_delivered')
      this.#waku.limits.throttle.prove(origin)
      return 'delivered'
    } catch (error) {
      if (!(await this.#passOn(request, asked, answer, error))) throw error
      return 'forwarded'
    } finally {
      leave()
    }
  }

  #enter(origin: Origin): () => void {
    try {
      return this.#admission.enter(origin)
    } catch (error) {
      this.#waku.limits.counts.add('refused_request')
      throw error
    }
  }

  /** What no key of ours opens, another mailserver may. False: it is refused here. */
  async #passOn(request: IncomingRequest, asked: AskedRequest, answer: Answer, error: unknown): Promise<boolean> {
    const sealed = error instanceof RequestError && error.code === RequestErrorCode.undecryptable
    if (!sealed || this.#forward === undefined || asked.plain !== undefined) return false
    const { envelope } = asked
    // who may not have it forwarded takes no room among those who may
    const accepted = (): void => this.#opener.claimForwarded(request, envelope)
    const complete = await this.#forward(request, envelope, { accepted, deliver: raws => answer.deliver(raws) })
    if (complete === undefined) return false
    await answer.passOn(complete)
    return true
  }

  /** Waits for what is under way, until the deadline. */
  async #settled(...others: Promise<void>[]): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const deadline = new Promise<void>(resolve => {
      timer = setTimeout(resolve, this.#settings.stopTimeout)
    })
    await Promise.race([Promise.all([...this.#underWay.values(), ...others]), deadline])
    clearTimeout(timer)
  }

  #refusal(error: unknown, request: IncomingRequest): RequestError {
    const { peer, origin, body } = request
    const refusal =
      error instanceof RequestError
        ? error
        : new RequestError(RequestErrorCode.internal, 'the server failed', { cause: error })
    this.tally.add(`refused_${nameOf(refusal.code)}`)
    if (refusal.code !== RequestErrorCode.internal) {
      const trials = refusal.code === RequestErrorCode.undecryptable ? this.#opener.costOfTrials(request) : 0
      this.#waku.limits.throttle.charge(origin, inVain(body).charge + trials)
    }
    if (refusal.code === RequestErrorCode.internal) this.#log.error('a request failed - %e', refusal.cause)
    else {
      // who asks is nobody's business at a level that operators run with
      this.#log('a request was refused with code %d: %s', refusal.code, refusal.message)
      this.#log.trace('that was a request of %p', peer)
    }
    return refusal
  }
}

function nameOf(code: number): keyof typeof RequestErrorCode {
  const names = Object.keys(RequestErrorCode) as Array<keyof typeof RequestErrorCode>
  return names.find(name => RequestErrorCode[name] === code) ?? 'internal'
}
