import type { Limits } from '../limits/limits.js'
import type { Reservation } from '../limits/memory-budget.js'
import type { Origin } from '../limits/origin.js'

/** Above this many received bytes that nobody took, no more is read. */
const READ_AHEAD = 1024 * 1024

/** What each connection may use without asking; a larger message is paid for from the budget of all. */
const LARGE = READ_AHEAD

/** What a socket may bring at once, in bytes. */
const CHUNK = 64 * 1024

/** So long at most a large message waits because of others at its address, ms. */
const MAX_PENANCE = 60_000

interface Reader {
  pause(): void
  resume(): void
}

export interface ReadGateParts {
  reader: Reader
  /** Shared with all other connections. */
  limits: Limits
  origin: Origin
}

/** Decides when a connection reads on, so that what it holds stays bounded however much the peer sends. */
export class ReadGate {
  readonly #parts: ReadGateParts
  readonly #room: Reservation
  #timer: NodeJS.Timeout | undefined
  /** When the message under way was first held back, ms. */
  #heldBack: number | undefined
  #held = 0
  #undecided = false
  #receiving = false
  #ended = false

  constructor(parts: ReadGateParts) {
    this.#parts = parts
    this.#room = { address: parts.origin.address, bytes: 0 }
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

  /**
   * Whether there is room for a message of this size of which so much arrived. If not, reading stops until there is. Room is
   * taken as it arrives: who announces much and sends little keeps nothing from others.
   */
  receive(size: number, arrived: number): boolean {
    return this.#reserve(size, Math.min(size, arrived + CHUNK))
  }

  /** Whether there is room for a message that arrived and has this size once it is decompressed. */
  inflate(size: number): boolean {
    return this.#reserve(size, size)
  }

  #reserve(size: number, needed: number): boolean {
    const { reader, limits } = this.#parts
    this.#receiving = true
    const wait = this.#penance(size)
    if (wait > 0) {
      limits.counts.add('slowed_packet')
      reader.pause()
      clearTimeout(this.#timer)
      this.#timer = setTimeout(this.#retry, wait)
      return false
    }
    if (size <= LARGE || needed <= this.#room.bytes) return true
    if (limits.memory.take(this.#room, needed - this.#room.bytes)) return true
    reader.pause()
    limits.memory.wait(this.#retry)
    return false
  }

  /** The message under way is delivered; what it took is given back when the consumer took it. */
  received(): void {
    this.#receiving = false
    this.#heldBack = undefined
    if (this.#held <= READ_AHEAD / 2) this.#parts.limits.memory.giveBack(this.#room)
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#timer)
    this.#parts.limits.memory.leave(this.#retry)
    this.#parts.limits.memory.giveBack(this.#room)
  }

  /** How long to wait with a message of this size for what was sent in vain, ms. */
  #penance(size: number): number {
    // what has room keeps it from others
    if (this.#room.bytes > 0) return 0
    const { origin } = this.#parts
    const { throttle } = this.#parts.limits
    const now = performance.now()
    this.#heldBack ??= now
    const patient = size > LARGE && now - this.#heldBack < MAX_PENANCE
    return Math.max(throttle.ofPeer(origin.peer), patient ? throttle.ofAddress(origin.address) : 0)
  }

  readonly #retry = (): void => this.hold(0)

  #goOn(): void {
    if (this.#ended || this.#undecided) return
    if (!this.#receiving) this.#parts.limits.memory.giveBack(this.#room)
    this.#parts.reader.resume()
  }
}
