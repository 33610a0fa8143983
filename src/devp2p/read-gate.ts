import type { MemoryBudget } from './memory-budget.js'

/** Above this many received bytes that nobody took, no more is read. */
const READ_AHEAD = 1024 * 1024

/** What each connection may use without asking; a larger message is paid for from the budget of all. */
const LARGE = READ_AHEAD

interface Reader {
  pause(): void
  resume(): void
}

export interface ReadGateParts {
  reader: Reader
  /** Shared with all other connections. */
  budget: MemoryBudget
  /** Where the peer is, as `addressKey` has it. */
  address: string
  /** How long not to read the next message, ms: a small one, or one that takes from the budget. */
  wait(large: boolean): number
}

/** Decides when a connection reads on, so that what it holds stays bounded however much the peer sends. */
export class ReadGate {
  readonly #parts: ReadGateParts
  #timer: NodeJS.Timeout | undefined
  #held = 0
  #undecided = false
  #reserved = 0
  #receiving = false
  #ended = false

  constructor(parts: ReadGateParts) {
    this.#parts = parts
  }

  /** Received messages are held for a consumer, or no longer: so many bytes more or less. */
  hold(bytes: number): void {
    this.#held += bytes
    if (this.#held > READ_AHEAD) this.#parts.reader.pause()
    else if (this.#held <= READ_AHEAD / 2) this.#goOn()
  }

  /** Reads no further until the readers of what was delivered have said whether they accept larger messages. */
  waitForDecision(): void {
    this.#undecided = true
    this.#parts.reader.pause()
  }

  decided(): void {
    this.#undecided = false
    this.hold(0)
  }

  /** Whether there is room for a message of this size, now under way. If not, reading stops until there is. */
  reserve(size: number): boolean {
    const { reader, budget, address } = this.#parts
    this.#receiving = true
    const wait = this.#parts.wait(size > LARGE)
    if (wait > 0) {
      reader.pause()
      clearTimeout(this.#timer)
      this.#timer = setTimeout(this.#retry, wait)
      return false
    }
    if (size <= LARGE || size <= this.#reserved) return true
    const more = size - this.#reserved
    if (this.#reserved === 0 ? budget.take(more, address) : budget.takeMore(more, address)) {
      this.#reserved += more
      return true
    }
    reader.pause()
    budget.wait(this.#retry)
    return false
  }

  /** The message under way is delivered; what it took is given back when the consumer took it. */
  received(): void {
    this.#receiving = false
    if (this.#held <= READ_AHEAD / 2) this.#release()
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#timer)
    this.#parts.budget.leave(this.#retry)
    this.#release()
  }

  readonly #retry = (): void => this.hold(0)

  #goOn(): void {
    if (this.#ended || this.#undecided) return
    if (!this.#receiving) this.#release()
    this.#parts.reader.resume()
  }

  #release(): void {
    if (this.#reserved === 0) return
    const bytes = this.#reserved
    this.#reserved = 0
    this.#parts.budget.give(bytes, this.#parts.address)
  }
}
