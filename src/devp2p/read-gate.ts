import type { MemoryBudget } from './memory-budget.js'

/** Above this many received bytes that nobody took, no more is read. */
const READ_AHEAD = 1024 * 1024

/** What each connection may use without asking; a larger message is paid for from the budget of all. */
const LARGE = READ_AHEAD

interface Reader {
  pause(): void
  resume(): void
}

/** Decides when a connection reads on, so that what it holds stays bounded however much the peer sends. */
export class ReadGate {
  readonly #reader: Reader
  readonly #budget: MemoryBudget
  #held = 0
  #undecided = false
  #reserved = 0
  #receiving = false
  #ended = false

  constructor(reader: Reader, budget: MemoryBudget) {
    this.#reader = reader
    this.#budget = budget
  }

  /** Received messages are held for a consumer, or no longer: so many bytes more or less. */
  hold(bytes: number): void {
    this.#held += bytes
    if (this.#held > READ_AHEAD) this.#reader.pause()
    else if (this.#held <= READ_AHEAD / 2) this.#goOn()
  }

  /** Reads no further until the readers of what was delivered have said whether they accept larger messages. */
  waitForDecision(): void {
    this.#undecided = true
    this.#reader.pause()
  }

  decided(): void {
    this.#undecided = false
    this.hold(0)
  }

  /** Whether there is room for a message of this size, now under way. If not, reading stops until there is. */
  reserve(size: number): boolean {
    this.#receiving = true
    if (size <= LARGE || size <= this.#reserved) return true
    const more = size - this.#reserved
    if (this.#budget.take(more)) {
      this.#reserved += more
      return true
    }
    this.#reader.pause()
    this.#budget.wait(this.#retry)
    return false
  }

  /** The message under way is delivered; what it took is given back when the consumer took it. */
  received(): void {
    this.#receiving = false
    if (this.#held <= READ_AHEAD / 2) this.#release()
  }

  end(): void {
    this.#ended = true
    this.#budget.leave(this.#retry)
    this.#release()
  }

  readonly #retry = (): void => this.hold(0)

  #goOn(): void {
    if (this.#ended || this.#undecided) return
    if (!this.#receiving) this.#release()
    this.#reader.resume()
  }

  #release(): void {
    if (this.#reserved === 0) return
    const bytes = this.#reserved
    this.#reserved = 0
    this.#budget.give(bytes)
  }
}
