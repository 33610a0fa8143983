import * as FIGURES from '../limits/figures.js'
import type { Limits } from '../limits/limits.js'
import type { Reservation } from '../limits/memory-budget.js'
import type { Origin } from '../limits/origin.js'

const { readAhead, chunk } = FIGURES.devp2p

export interface InboundRoomParts {
  /** Shared with all other connections. */
  limits: Limits
  origin: Origin
  /** Told when something changed that reading may wait for. */
  onChange(): void
}

/** What one connection holds of what its peer sent: bounded however much that is. */
export class InboundRoom {
  readonly #parts: InboundRoomParts
  readonly #room: Reservation
  #held = 0
  #receiving = false
  #ended = false

  constructor(parts: InboundRoomParts) {
    this.#parts = parts
    this.#room = { address: parts.origin.address, bytes: 0 }
  }

  /** So many received bytes are held for a consumer; more than a connection may hold is not read. */
  get full(): boolean {
    return this.#held > readAhead
  }

  /** Half of that was taken. */
  get roomy(): boolean {
    return this.#held <= readAhead / 2
  }

  /** Received messages are held for a consumer, or no longer: so many bytes more or less. */
  hold(bytes: number): void {
    this.#held += bytes
    if (this.roomy && !this.#receiving) this.#giveBack()
    if (bytes < 0) this.#parts.onChange()
  }

  /**
   * Whether there is room for a message of this size of which so much arrived. Room is taken as it arrives: who announces much
   * and sends little keeps nothing from others. If there is none, `onChange` is called when there may be.
   */
  receive(size: number, arrived: number): boolean {
    return this.#reserve(size, Math.min(size, arrived + chunk))
  }

  /** Whether there is room for a message that arrived and has this size once it is decompressed, beside what it is inflated from. */
  inflate(size: number, beside: number): boolean {
    return this.#reserve(size, size + beside)
  }

  /** The message under way is delivered; what it took is given back when the consumer took it. */
  received(): void {
    this.#receiving = false
    if (this.roomy) this.#giveBack()
  }

  end(): void {
    this.#ended = true
    this.#parts.limits.memory.leave(this.#parts.onChange)
    this.#parts.limits.memory.giveBack(this.#room)
  }

  #reserve(size: number, needed: number): boolean {
    // each connection may use so much without asking
    if (size <= readAhead) return true
    this.#receiving = true
    const { limits, onChange } = this.#parts
    if (needed <= this.#room.bytes || limits.memory.take(this.#room, needed - this.#room.bytes)) return true
    limits.memory.wait(onChange)
    return false
  }

  #giveBack(): void {
    if (!this.#ended) this.#parts.limits.memory.giveBack(this.#room)
  }
}
