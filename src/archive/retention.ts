import type { ComponentLogger, Logger } from '@libp2p/interface'
import type { Envelope } from '../wire/envelope/envelope.js'
import { topicFromNumber, topicNumber } from '../wire/envelope/topic.js'
import type { Archive, ArchiveTrim, ArchiveTrimmed } from './archive.js'
import { ageFloor, type RetentionRules } from './retention-rules.js'
import { VouchedClock } from './vouched-clock.js'

export interface RetentionParts {
  archive: Pick<Archive, 'trim' | 'size' | 'stats' | 'watch'>
  /** As `checkRetention` found them good. */
  rules: RetentionRules
  logger: ComponentLogger
  /**
   * Milliseconds from the end of one pass to the next; what grows past its size begins one at once.
   * @default 3_600_000 (an hour)
   */
  interval?: number | undefined
  /** Unix seconds. */
  now?: (() => number) | undefined
  /** Milliseconds that never jump. */
  monotonic?: (() => number) | undefined
}

/** What a pass did. */
export interface RetentionPass {
  pruned: number
  /** More is too old or too much: a pass deletes a quarter of the archive at most. */
  unfinished: boolean
  /** By so many seconds the clock was ahead of the time that is vouched for, and ages were not counted by it. */
  ahead: number
}

const HOUR = 3_600_000
/** A clock that is so many seconds ahead of the newest envelope is worth a line. */
const WORTH_SAYING = 600
/** What grew past its size is cut to so much less than that, so that it is not cut again at once. */
const SLACK = 1 / 64
/** What has more room than that is not about to be cut. */
const ROOMY = 1 / 32

/**
 * Deletes what the rules do not keep: once at the start, every hour, and when a size is reached. Never more than a quarter of the
 * archive in a pass, since a clock or a rule may be wrong; and ages are counted by a time that does not jump. Works in a browser.
 */
export class Retention {
  readonly #archive: RetentionParts['archive']
  readonly #rules: RetentionRules
  readonly #interval: number
  readonly #log: Logger
  readonly #clock: VouchedClock
  readonly #ageFloor: (topic: number, now: number) => number
  /** Most bytes of topics, those that have such a rule. */
  readonly #sizes: ReadonlyMap<number, number>
  /** No more than that is stored; of a topic that is absent nobody knows. */
  readonly #used = new Map<number, number>()
  #total = { envelopes: 0, bytes: 0 }
  /** What was sent before these times would be the first to go for its size. */
  #cut = 0
  readonly #topicCuts = new Map<number, number>()
  /** So many envelopes may still be deleted. */
  #allowance = 0
  #wake = (): void => {}
  #running: { stopped: AbortController; loop: Promise<void>; unwatch: () => void } | undefined

  constructor({ archive, rules, logger, interval = HOUR, now = unixNow, monotonic }: RetentionParts) {
    this.#archive = archive
    this.#rules = rules
    this.#interval = interval
    this.#clock = new VouchedClock({ now, monotonic })
    this.#log = logger.forComponent('waku:retention')
    this.#ageFloor = ageFloor(rules)
    const sized = (rules.topics ?? []).flatMap(({ topic, bytes }) =>
      bytes === undefined ? [] : [[topicNumber(topic), bytes] as const]
    )
    this.#sizes = new Map(sized)
  }

  /**
   * What of a topic is deleted at once when it was sent before this time.
   * @param now - Unix seconds
   */
  readonly floor = (topic: number, now: number): number =>
    Math.max(this.#ageFloor(topic, now), this.#cut, this.#topicCuts.get(topic) ?? 0)

  /** Begins with a pass; resolves at once. */
  start(): void {
    if (this.#running !== undefined) return
    const stopped = new AbortController()
    const unwatch = this.#archive.watch({ appended: envelopes => this.#appended(envelopes) })
    this.#running = { stopped, loop: this.#loop(stopped.signal), unwatch }
  }

  /** Breaks off a running pass and resolves when it is over. */
  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    running?.unwatch()
    running?.stopped.abort()
    this.#wake()
    await running?.loop
  }

  /** One pass. @throws ArchiveError, ArchiveClosedError, or the signal's reason */
  async pass({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<RetentionPass> {
    this.#allowance = Math.max(1, Math.floor((await this.#archive.stats()).envelopes / 4))
    return this.#pass(signal)
  }

  async #pass(signal: AbortSignal | undefined): Promise<RetentionPass> {
    const { newest } = await this.#archive.stats()
    if (newest === undefined) return { pruned: 0, unfinished: false, ahead: 0 }
    const { time, ahead } = this.#clock.time(newest)
    if (ahead > WORTH_SAYING)
      this.#log.error(
        'the clock is %d s ahead of the newest envelope and the time since: ages are not counted by it',
        ahead
      )
    const pass = new Pass(this.#archive, this.#allowance, signal)
    try {
      await this.#byTopic(pass, time)
      await this.#byAge(pass, time)
      await this.#byTotal(pass)
    } finally {
      this.#allowance -= pass.pruned
    }
    const { pruned, unfinished } = pass
    if (pruned > 0) this.#log('deleted %d old envelopes', pruned)
    if (unfinished)
      this.#log.error(
        'more than a quarter of the archive is too old or too much: the rest goes later, or at once by "prune"'
      )
    return { pruned, unfinished, ahead }
  }

  /** Topics of the same age go together. */
  async #byTopic(pass: Pass, time: number): Promise<void> {
    const ages = new Map<number, Uint8Array[]>()
    for (const { topic, seconds } of this.#rules.topics ?? []) {
      if (seconds === undefined || seconds === Number.POSITIVE_INFINITY) continue
      ages.set(seconds, [...(ages.get(seconds) ?? []), topic])
    }
    for (const [seconds, topics] of ages) await pass.trim({ before: past(time, seconds), topics })
    for (const [topic, bytes] of this.#sizes) {
      if ((this.#used.get(topic) ?? Number.POSITIVE_INFINITY) <= bytes) continue
      const topics = [topicFromNumber(topic)]
      // what is appended from here on is added to what is found
      this.#used.set(topic, 0)
      const { bytes: used } = await this.#archive.size({ ...EVERYTHING, topics, signal: pass.signal })
      this.#used.set(topic, used + (this.#used.get(topic) ?? 0))
      if (used < bytes * (1 - ROOMY)) this.#topicCuts.delete(topic)
      if (used <= bytes) continue
      const { reached } = await pass.trim({ before: 2 ** 32, topics, bytes: used - less(bytes) })
      if (reached > 0 && reached < 2 ** 32) this.#topicCuts.set(topic, reached)
      this.#used.delete(topic)
    }
  }

  async #byAge(pass: Pass, time: number): Promise<void> {
    const { seconds, topics = [] } = this.#rules
    if (seconds === undefined || seconds === Number.POSITIVE_INFINITY) return
    const except = topics.flatMap(({ topic, seconds }) => (seconds === undefined ? [] : [topic]))
    await pass.trim({ before: past(time, seconds), except: except.length > 0 ? except : undefined })
  }

  async #byTotal(pass: Pass): Promise<void> {
    const most = this.#rules
    const stored = await this.#archive.stats()
    const envelopesOver = most.envelopes !== undefined && stored.envelopes > most.envelopes
    const bytesOver = most.bytes !== undefined && stored.bytes > most.bytes
    if (envelopesOver || bytesOver)
      await pass.trim({
        before: 2 ** 32,
        envelopes: envelopesOver ? stored.envelopes - less(most.envelopes as number) : undefined,
        bytes: bytesOver ? stored.bytes - less(most.bytes as number) : undefined
      })
    const { envelopes, bytes, oldest = 0 } = await this.#archive.stats()
    this.#total = { envelopes, bytes }
    this.#cut = this.#isFull(1 - ROOMY) ? oldest : 0
    if (this.#isFull(1)) pass.unfinished = true
  }

  /** Whether a total is larger than that share of what it may be. */
  #isFull(share: number): boolean {
    const { envelopes = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY } = this.#rules
    return this.#total.envelopes > envelopes * share || this.#total.bytes > bytes * share
  }

  /** What was known already is counted too: a pass that finds nothing to do counts anew. */
  #appended(envelopes: readonly Envelope[]): void {
    let over = false
    // what came may go again: an archive does not grow while less than it should go is deleted
    this.#allowance += envelopes.length
    for (const { size, topicNumber: topic } of envelopes) {
      this.#total.envelopes += 1
      this.#total.bytes += size
      const used = this.#used.get(topic)
      if (used === undefined) continue
      this.#used.set(topic, used + size)
      if (used + size > (this.#sizes.get(topic) as number)) over = true
    }
    if (over || this.#isFull(1)) this.#wake()
  }

  async #loop(signal: AbortSignal): Promise<void> {
    let due = 0
    while (!signal.aborted) {
      let woken = false
      const next = new Promise<void>(resolve => {
        this.#wake = () => {
          woken = true
          resolve()
        }
      })
      try {
        if (performance.now() < due) await this.#pass(signal)
        else {
          due = performance.now() + this.#interval
          await this.pass({ signal })
        }
      } catch (error) {
        if (signal.aborted) return
        this.#log.error('old envelopes could not be deleted - %e', error)
      }
      if (woken) continue
      const timer = setTimeout(this.#wake, Math.max(0, due - performance.now()))
      await next
      clearTimeout(timer)
    }
  }
}

const EVERYTHING = { lower: 0, upper: 0xffff_ffff }

/** The deletions of one pass, together no more than so many envelopes. */
class Pass {
  pruned = 0
  unfinished = false
  readonly signal: AbortSignal | undefined
  readonly #archive: Pick<Archive, 'trim'>
  #left: number

  constructor(archive: Pick<Archive, 'trim'>, most: number, signal: AbortSignal | undefined) {
    this.#archive = archive
    this.#left = most
    this.signal = signal
  }

  async trim(trim: ArchiveTrim): Promise<ArchiveTrimmed> {
    // of what is too old everything should go
    const whole = trim.envelopes === undefined && trim.bytes === undefined
    if (this.#left <= 0) {
      this.unfinished = true
      return { removed: 0, reached: 0 }
    }
    const trimmed = await this.#archive.trim({ ...trim, most: this.#left, signal: this.signal })
    this.pruned += trimmed.removed
    this.#left -= trimmed.removed
    if (whole && trimmed.reached < trim.before) this.unfinished = true
    return trimmed
  }
}

/** What a size is cut to. */
const less = (most: number): number => Math.ceil(most * (1 - SLACK))

function past(time: number, seconds: number): number {
  return Math.min(2 ** 32, Math.max(0, Math.floor(time - seconds)))
}

function unixNow(): number {
  return Math.floor(Date.now() / 1000)
}
