import { backOff } from '../base/back-off.js'
import { delay } from '../base/delay.js'
import * as FIGURES from '../limits/figures.js'
import { RequestError, RequestErrorCode } from '../wire/request/request-error.js'

/** Errors of a line, after which the same page is worth asking for again. */
const PASSING = new Set(['LineBrokenError', 'HistoryTimeoutError', 'ServerUnreachableError', 'StreamRefusedError'])

export interface RetriesInit {
  retries: number
  /** ms */
  backoff: number
  /** ms */
  maxRetryAfter: number
  /** ms */
  reconnectTimeout: number
}

/** How often one page is asked for again, and with which pauses. */
export class Retries {
  readonly #init: RetriesInit
  #used = 0
  #timeouts = 0
  #redials = 0
  #lostAt: number | undefined

  constructor(init: RetriesInit) {
    this.#init = init
  }

  /**
   * Waits until it is time to try again.
   *
   * @param lost no line can be had to a server that there was one to before: it is being started again, or will not have a
   * host back at once whose connection just ended (go-ethereum, for half a minute)
   * @throws `error`, when it is no passing one or there were enough retries; the reason of `signal`
   */
  async wait(error: unknown, { signal, lost = false }: { signal: AbortSignal; lost?: boolean }): Promise<void> {
    signal.throwIfAborted()
    const busy = error instanceof RequestError && error.code === RequestErrorCode.busy
    if (!busy && !PASSING.has((error as Error).name)) throw error
    if (lost) return await this.#reconnect(error, signal)
    if ((error as Error).name === 'HistoryTimeoutError' && this.#timeouts++ >= FIGURES.asking.retries.ofSilence)
      throw error
    const { backoff, maxRetryAfter, retries } = this.#init
    // legacy servers do not say for how long; some let a peer ask once in several seconds
    const untold = busy && error.retryAfter === undefined
    if (this.#used >= retries + (untold ? FIGURES.asking.retries.untold : 0)) throw error
    const pause = backOff(this.#used++, { first: backoff, longest: FIGURES.asking.pauses.longest })
    const asked = busy
      ? Math.min(error.retryAfter === undefined ? FIGURES.asking.pauses.untold : error.retryAfter * 1000, maxRetryAfter)
      : 0
    await delay(Math.max(pause, asked), { signal })
  }

  /** As often as it takes, until the deadline. */
  async #reconnect(error: unknown, signal: AbortSignal): Promise<void> {
    const { backoff, reconnectTimeout } = this.#init
    const now = performance.now()
    this.#lostAt ??= now
    const left = this.#lostAt + reconnectTimeout - now
    if (left <= 0) throw error
    await delay(Math.min(backOff(this.#redials++, { first: backoff, longest: FIGURES.asking.pauses.longest }), left), {
      signal
    })
  }
}

/** Not all clients at the same moment. In ms. */
