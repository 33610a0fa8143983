import { LineBrokenError } from '../waku/mail-errors.js'
import { decodeEnvelope } from '../wire/envelope/envelope.js'
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
  readonly #range: TimeWindow
  #window: TimeWindow
  /** The window, and the time between it and the witness. */
  #asked: TimeWindow
  /** A second of which, or since which, the server has something. */
  #witness: number | undefined
  /** Whether requests reach to the witness, on whichever side it is, so that something has to come. */
  #doubting = false
  /** Asked for by itself, the window brought nothing. */
  #silent = false
  /** The server ended a page where no page was asked for. */
  #paged = false

  constructor({ lower, upper, cursor }: Pick<HistoryPlan, 'lower' | 'upper' | 'cursor'>, maxBytes: number) {
    this.#range = { lower, upper }
    this.#window = this.#range
    this.#asked = this.#range
    this.#windows = new TimeWindows(this.#range, { maxBytes })
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
    const witness = (this.#doubting ? this.#witness : undefined) ?? lower
    this.#asked = { lower: Math.min(lower, witness), upper: Math.max(upper, witness) }
    return { ...question, request: { ...question.request, ...this.#asked }, rules: { ...question.rules, lower, upper } }
  }

  /**
   * An answer that came whole, with a cursor when more is to be asked for.
   *
   * @throws {LineBrokenError} when it was the rest of one that had been given up
   */
  took(answer: PageAnswer): PageAnswer {
    const { requestId, bytes, complete } = answer
    const { upper } = this.#asked
    const last = sentOf(itemAt(answer, bytes))
    if (last !== undefined && last > upper && upper < this.#range.upper) {
      throw new LineBrokenError('the answer to an earlier request went on')
    }
    const empty = !this.#reaches(answer)
    this.#windows.came(this.#window, empty ? 0 : bytes)
    if (last !== undefined) this.#remember(last)
    // nobody waits for the silence of a window after another one
    this.#doubting = empty
    this.#silent = false
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
    if (error instanceof SilentServerError) return this.#doubt()
    if (!(error instanceof MisbehavingServerError && error.reason === 'bytes')) return false
    const reached = reachedOf(answer)
    if (reached !== undefined) this.#remember(reached.middle)
    const doubting = this.#doubting && this.#witness !== undefined
    this.#doubting = false
    // what came before the window may have been too much
    if (doubting && !this.#silent) return true
    // it answers, and had nothing of the window when it was asked for that alone
    if (doubting && !this.#reaches(answer)) {
      return this.took(new PageAnswer(answer.requestId, { limit: 0, maxBytes: 0 }))
    }
    return this.#windows.overflowed(this.#window, reached)
  }

  #doubt(): boolean {
    if (this.#doubting || this.#witness === undefined) return false
    this.#doubting = true
    this.#silent = true
    return true
  }

  #remember(sent: number): void {
    if (sent >= this.#range.lower && sent <= this.#asked.upper) this.#witness = sent
  }

  /** Whether something of the window may have come, in an answer from old to new. */
  #reaches(answer: PageAnswer): boolean {
    const first = sentOf(itemAt(answer, 0))
    const last = sentOf(itemAt(answer, answer.bytes))
    const { lower, upper } = this.#window
    return first !== undefined && last !== undefined && last >= lower && first <= upper
  }
}

const NO_HASH: Uint8Array = new Uint8Array(32)

/** Undefined when what came there is no envelope. */
function reachedOf(answer: PageAnswer): Reached | undefined {
  const first = sentOf(itemAt(answer, 0))
  const middle = sentOf(itemAt(answer, answer.bytes / 2))
  const last = sentOf(itemAt(answer, answer.bytes))
  return first === undefined || middle === undefined || last === undefined ? undefined : { first, middle, last }
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
