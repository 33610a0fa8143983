import { backOff } from '../base/back-off.js'
import type { MailClient } from '../mailclient/mail-client.js'
import type { ReceivedMessage } from '../waku/subscription.js'
import type { Waku } from '../waku/waku.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { AskedTopics } from './asked-topics.js'
import { Bell } from './bell.js'
import { Display } from './display.js'
import type { MailboxItem, Missing } from './items.js'
import type { Lane } from './lane.js'
import type { MessagesPlan } from './messages-query.js'
import type { ReaderLog } from './reader-log.js'
import { seamOf } from './seam.js'
import { LONGEST_PAUSE } from './settings.js'
import { type LaneEnd, Wave } from './wave.js'

export interface MessagesParts {
  waku: Pick<Waku, 'subscribe'>
  client: Pick<MailClient, 'history' | 'digest'>
  plan: MessagesPlan
  log: ReaderLog
  /** Whether any server sends what is live. */
  live(): boolean
  now(): number
  /** ms */
  interval: number
  /** ms */
  backoff: number
  signal: AbortSignal
}

interface SeenEnvelopes {
  envelope: Envelope
  peer: ReceivedMessage['peer']
}

/** More than this is not kept for a reader that is busy: servers have it. */
const MOST_HEARD = 4096
const MOST_HEARD_BYTES = 16 * 1024 * 1024
/** How often servers are asked when none of them sends what is live, at least, ms. */
const UNHEARD_INTERVAL = 60_000

/** What was sent, and then what is being sent: waves of history, with what is live between them. */
export class Messages {
  readonly #parts: MessagesParts
  readonly #bell = new Bell()
  readonly #asked = new AskedTopics()
  #heard: SeenEnvelopes[] = []
  #heardBytes = 0
  /** Something may have been missed. */
  #due = true

  constructor(parts: MessagesParts) {
    this.#parts = parts
  }

  /** A server was reached again: what was sent meanwhile was not heard. */
  reached(): void {
    this.#due = true
    this.#bell.ring()
  }

  async *items(): AsyncGenerator<MailboxItem, void> {
    const { waku, plan, log, signal } = this.#parts
    // the keys of several topics differ: what comes is opened here
    const stop = waku.subscribe({ topics: plan.topics, historic: false }, message => this.#hear(message))
    try {
      await log.load()
      for (let wave = 1; ; wave++) {
        yield* this.#wave(wave)
        yield* this.#live(performance.now() + this.#interval)
      }
    } catch (error) {
      if (!signal.aborted) throw error
      // the node was stopped, which ends it; or the application's signal says why
      plan.signal?.throwIfAborted()
    } finally {
      stop()
      await log.flush()
    }
  }

  get #interval(): number {
    const { interval, live } = this.#parts
    return live() ? interval : Math.min(interval, UNHEARD_INTERVAL)
  }

  /** Until everything was shown that servers have; says so then. */
  async *#wave(wave: number): AsyncGenerator<MailboxItem, void> {
    const { plan, log, backoff } = this.#parts
    const display = new Display(plan, log)
    const carried: Missing[] = []
    for (let failures = 0; ; failures++) {
      this.#due = false
      const ends: [Lane, LaneEnd][] = []
      for (const lane of plan.lanes) {
        ends.push([lane, yield* new Wave({ ...this.#parts, lane, asked: this.#asked, display }).run()])
      }
      const { messages, unopened } = display
      const anonymity = plan.hides ? { anonymity: this.#asked.anonymity(plan.openers.size) } : {}
      const seam = seamOf(ends, carried, lane => this.#namesOf(lane))
      if (seam.type === 'caughtUp') return yield { ...seam, wave, messages, unopened, ...anonymity }
      const retryIn = Math.round(backOff(failures, { first: backoff, longest: LONGEST_PAUSE }))
      yield { ...seam, wave, messages, ...anonymity, retryIn }
      if (!this.#due) yield* this.#live(performance.now() + retryIn)
    }
  }

  #namesOf({ wanted }: Lane): string[] {
    return [...wanted].flatMap(number => this.#parts.plan.openers.get(number)?.map(({ name }) => name) ?? [])
  }

  /** What is heard, until it is time to ask again. */
  async *#live(until: number): AsyncGenerator<MailboxItem, void> {
    const { plan, log, signal } = this.#parts
    const display = new Display(plan, log)
    while (!this.#due && performance.now() < until) {
      for (const { envelope, peer } of this.#take()) {
        yield* display.show([envelope], { historic: false, peer })
        signal.throwIfAborted()
      }
      if (!this.#due && this.#heard.length === 0) await this.#bell.wait(Math.max(1, until - performance.now()), signal)
    }
    signal.throwIfAborted()
  }

  #take(): SeenEnvelopes[] {
    this.#heardBytes = 0
    return this.#heard.splice(0)
  }

  #hear({ envelope, peer }: ReceivedMessage): void {
    this.#heardBytes += envelope.size
    if (this.#heard.length >= MOST_HEARD || this.#heardBytes > MOST_HEARD_BYTES) this.#due = true
    else this.#heard.push({ envelope, peer })
    this.#bell.ring()
  }
}
