import { delay } from '../base/delay.js'
import { RequestError, RequestErrorCode } from '../wire/request-error.js'

/** Errors of a line, after which the same page is worth asking for again. */
const PASSING = new Set(['LineBrokenError', 'HistoryTimeoutError', 'ServerUnreachableError', 'StreamRefusedError'])
/** What was silent once is likely to be silent again, and each time costs a whole deadline. */
const TIMEOUT_RETRIES = 1
const MAX_BACKOFF = 10_000
/** After a connection that we had to end: go-ethereum refuses a host that comes back within half a minute. */
const REDIAL_RETRIES = 6
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
  #redial = false

  constructor(init: RetriesInit) {
    this.#init = init
  }

  /** The line was given up in the middle of an answer, and the next one may take a while to be had. */
  redial(): void {
    this.#redial = true
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
    const refused = this.#redial && (error as Error).name === 'ServerUnreachableError'
    if (this.#used >= retries + (untold ? UNTOLD_RETRIES : 0) + (refused ? REDIAL_RETRIES : 0)) throw error
    const steps = Math.min(backoff * 2 ** this.#used, MAX_BACKOFF)
    this.#used++
    // not all at the same moment
    const pause = steps * (0.75 + Math.random() / 2)
    const asked = busy ? Math.min((error.retryAfter ?? UNTOLD_PAUSE) * 1000, maxRetryAfter) : 0
    await delay(Math.max(pause, asked), signal)
  }
}
