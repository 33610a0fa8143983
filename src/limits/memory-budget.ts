/** What one connection has of a budget. */
export interface Reservation {
  /** Where its peer is, as `addressKey` has it. */
  readonly address: string
  /** Changed by the budget alone. */
  bytes: number
}

/**
 * Bytes that all connections of a node share for what is too large to be granted to each of them. Whoever has some gets
 * more only while as much as that stays free, so that one address, however many its peers are, leaves some to others.
 */
export class MemoryBudget {
  #free: number
  readonly #taken = new Map<string, number>()
  readonly #waiting = new Set<() => void>()
  /** Has more than its share. */
  #beyond: Reservation | undefined

  constructor(bytes: number) {
    this.#free = bytes
  }

  /** False when there is not so much for it now. */
  take(reservation: Reservation, bytes: number): boolean {
    const { address } = reservation
    const taken = this.#taken.get(address) ?? 0
    const left = this.#free - bytes
    if (left < (taken === 0 ? 0 : taken + bytes)) {
      // If all that have some of a message had to wait for each other, none would ever give anything back: one need not.
      if (reservation.bytes === 0 || (this.#beyond ?? reservation) !== reservation) return false
      this.#beyond = reservation
    }
    this.#free = left
    this.#taken.set(address, taken + bytes)
    reservation.bytes += bytes
    return true
  }

  /** Everything that it has. */
  giveBack(reservation: Reservation): void {
    const { address, bytes } = reservation
    if (bytes === 0) return
    reservation.bytes = 0
    this.#free += bytes
    const taken = (this.#taken.get(address) ?? 0) - bytes
    if (taken > 0) this.#taken.set(address, taken)
    else this.#taken.delete(address)
    if (this.#beyond === reservation) this.#beyond = undefined
    for (const retry of [...this.#waiting]) {
      this.#waiting.delete(retry)
      retry()
    }
  }

  /** Calls `retry` once, when something was given back. */
  wait(retry: () => void): void {
    this.#waiting.add(retry)
  }

  leave(retry: () => void): void {
    this.#waiting.delete(retry)
  }
}
