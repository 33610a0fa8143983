import { decodeEnvelope } from '../wire/envelope.js'
import { MalformedError } from '../wire/errors.js'
import type { RlpItem } from '../wire/rlp.js'
import { CannotContinueError, MisbehavingServerError, SilentServerError } from './errors.js'
import type { HistoryPlan } from './history-query.js'
import { PageAnswer } from './page-answer.js'
import type { PageQuestion } from './page-question.js'
import { isBehindSecond, type Reached, type TimeWindow, TimeWindows } from './time-windows.js'

/**
 * The pages of a history whose server sends everything at once: the form can name neither a limit nor a cursor, and
 * silence ends the answer. The first request is for all of it; what is too much for one answer is asked for window by
 * window (protocols/devp2p.md).
 *
 * Silence is also what follows a request that the server could not open or that was lost on the way. So that of a window
 * is believed only when the server answers for the window together with a time of which it is known to have something.
 */
export class StreamedHistory {
  readonly #windows: TimeWindows
  readonly #lowest: number
  #window: TimeWindow
  /** A second of which, or since which, the server has something. */
  #witness: number | undefined
  /** Where the request begins, when the silence of its window is in doubt. */
  #doubted: number | undefined
  /** The server ended a page where no page was asked for. */
  #paged = false

  constructor({ lower, upper, cursor }: Pick<HistoryPlan, 'lower' | 'upper' | 'cursor'>, maxBytes: number) {
    this.#lowest = lower
    this.#window = { lower, upper }
    this.#windows = new TimeWindows({ lower, upper }, { maxBytes })
    // whoever has a cursor was answered for the times before it
    if (cursor !== undefined) this.#witness = lower
  }

  /**
   * The question for the window behind a cursor, made of one for the whole range.
   *
   * @throws {HistoryCursorError}
   * @throws {CannotContinueError} when the server sends pages after all
   */
  ask(question: PageQuestion, after: Uint8Array | undefined): PageQuestion {
    if (this.#paged) throw new CannotContinueError(`there is more, but ${question.dialect} has no place for a cursor`)
    this.#window = this.#windows.behind(after)
    // the envelope of such a cursor is in the window: there is no silence to doubt
    if (after !== undefined && !isBehindSecond(after)) this.#witness = undefined
    const { lower, upper } = this.#window
    const request = { ...question.request, lower: this.#doubted ?? lower, upper }
    return { ...question, request, rules: { ...question.rules, lower, upper } }
  }

  /** An answer that came whole, with a cursor when more is to be asked for. */
  took(answer: PageAnswer): PageAnswer {
    const { requestId, bytes, complete } = answer
    this.#doubted = undefined
    this.#windows.came(this.#window, bytes)
    this.#witness = this.#inWindow(sentOf(itemAt(answer, bytes))) ?? this.#witness
    this.#paged = complete?.cursor !== undefined
    const cursor = complete?.cursor ?? this.#windows.cursorBehind(this.#window)
    if (cursor !== undefined) answer.complete = { requestId, lastHash: NO_HASH, ...complete, cursor }
    return answer
  }

  /**
   * What becomes of a failed request: the page all the same, or whether to ask once more, for a window that `ask` gives.
   *
   * @param answer as far as it came
   */
  failed(error: unknown, answer: PageAnswer): PageAnswer | boolean {
    if (error instanceof SilentServerError) return this.#silent()
    if (!(error instanceof MisbehavingServerError && error.reason === 'bytes')) return false
    const reached = reachedOf(answer)
    const doubted = this.#doubted
    this.#doubted = undefined
    if (reached !== undefined) this.#witness = this.#inWindow(reached.middle) ?? this.#witness
    // it answers, and had nothing of the window when it was asked for that alone
    if (doubted !== undefined && reached !== undefined && reached.last < this.#window.lower) {
      return this.took(new PageAnswer(answer.requestId, { limit: 0, maxBytes: 0 }))
    }
    return this.#windows.overflowed(this.#window, reached)
  }

  #silent(): boolean {
    if (this.#doubted !== undefined || this.#witness === undefined) return false
    this.#doubted = this.#witness
    return true
  }

  #inWindow(sent: number | undefined): number | undefined {
    if (sent === undefined || sent < this.#lowest || sent > this.#window.upper) return undefined
    return sent
  }
}

const NO_HASH: Uint8Array = new Uint8Array(32)

/** Undefined when what came there is no envelope. */
function reachedOf(answer: PageAnswer): Reached | undefined {
  const middle = sentOf(itemAt(answer, answer.bytes / 2))
  const last = sentOf(itemAt(answer, answer.bytes))
  return middle === undefined || last === undefined ? undefined : { middle, last }
}

/** The envelope with which so many bytes had come, or the last one. */
function itemAt({ bodies }: PageAnswer, bytes: number): RlpItem | undefined {
  let came = 0
  for (const items of bodies) {
    for (const item of items) {
      came += item.raw.length
      if (came >= bytes) return item
    }
  }
  return bodies.findLast(items => items.length > 0)?.at(-1)
}

function sentOf(item: RlpItem | undefined): number | undefined {
  try {
    return item && decodeEnvelope(item.raw).sent
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}
