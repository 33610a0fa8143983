import { anySignal } from '../base/any-signal.js'
import { HistoryTimeoutError } from './errors.js'

/** Aborts its signal when nothing happens for too long, or all of it takes too long, or `outer` aborts. */
export class Watchdog {
  readonly signal: AbortSignal
  readonly #expired = new AbortController()
  readonly #overall: ReturnType<typeof setTimeout>
  #next: ReturnType<typeof setTimeout>

  /** All in ms. */
  constructor(limits: { first: number; overall: number }, outer: AbortSignal) {
    this.signal = anySignal([outer, this.#expired.signal])
    this.#next = this.#arm(limits.first)
    this.#overall = this.#arm(limits.overall)
  }

  /** Something happened; the next thing may take `limit` ms. */
  feed(limit: number): void {
    clearTimeout(this.#next)
    this.#next = this.#arm(limit)
  }

  stop(): void {
    clearTimeout(this.#next)
    clearTimeout(this.#overall)
  }

  #arm(limit: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#expired.abort(new HistoryTimeoutError(`no answer within ${limit} ms`)), limit)
  }
}
