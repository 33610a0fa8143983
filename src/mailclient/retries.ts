import { RequestError, RequestErrorCode } from '../wire/request-error.js'
import { delay } from './delay.js'

/** Errors of a line, after which the same page is worth asking for again. */
const PASSING = new Set(['LineBrokenError', 'HistoryTimeoutError', 'ServerUnreachableError', 'StreamRefusedError'])
/** What was silent once is likely to be silent again, and each time costs a whole deadline. */
const TIMEOUT_RETRIES = 1
const MAX_BACKOFF = 10_000
const UNTOLD_RETRIES = 3
/** Seconds. */
const UNTOLD_PAUSE = 1

export interface RetriesInit {
  retries: number
  /** ms */
  backoff: number
  /** ms */
  maxRetryAfter: number
}

/** How often one page is asked for again, and with which pauses. */
export class Retries {
  readonly #init: RetriesInit
  #used = 0
  #timeouts = 0

  constructor(init: RetriesInit) {
    this.#init = init
  }

  /**
   * Waits until it is time to try again.
   *
   * @throws `error`, when it is no passing one or there were enough retries; the reason of `signal`
   */
  async wait(error: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const busy = error instanceof RequestError && error.code === RequestErrorCode.busy
    if (!busy && !PASSING.has((error as Error).name)) throw error
    if ((error as Error).name === 'HistoryTimeoutError' && this.#timeouts++ >= TIMEOUT_RETRIES) throw error
    const { backoff, maxRetryAfter, retries } = this.#init
    // legacy servers do not say for how long; some let a peer ask once in several seconds
    const untold = busy && error.retryAfter === undefined
    if (this.#used >= (untold ? retries + UNTOLD_RETRIES : retries)) throw error
    const steps = Math.min(backoff * 2 ** this.#used, MAX_BACKOFF)
    this.#used++
    // not all at the same moment
    const pause = steps * (0.75 + Math.random() / 2)
    const asked = busy ? Math.min((error.retryAfter ?? UNTOLD_PAUSE) * 1000, maxRetryAfter) : 0
    await delay(Math.max(pause, asked), signal)
  }
}
