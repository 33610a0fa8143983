/** What one connection or stream has of a budget. */
export interface Reservation {
  /** Where its peer is, as `addressKey` has it. */
  readonly address: string
  /** Changed by the budget alone. */
  bytes: number
}

/** One that cannot be told to wait: its bytes come in any case, so it ends when they are too many. */
export interface Holder extends Reservation {
  evict(): void
}

/**
 * Bytes that all peers of a node share for what is too large to be granted to each of them. Who can be told to wait gets more
 * only while as much as its address has stays free, so that one address, however many its peers are, leaves some to others. Who
 * cannot gives way when there is no more: the largest of the address that has most of such.
 */
export class MemoryBudget {
  #free: number
  readonly #taken = new Map<string, number>()
  readonly #holders = new Set<Holder>()
  readonly #waiting = new Set<() => void>()
  /** Has more than its share. */
  #beyond: Reservation | undefined
  readonly #count: (event: 'waited_memory' | 'evicted_stream') => void

  constructor(bytes: number, count: (event: 'waited_memory' | 'evicted_stream') => void = () => {}) {
    this.#free = bytes
    this.#count = count
  }

  /** False when there is not so much for it now. */
  take(reservation: Reservation, bytes: number): boolean {
    const { address } = reservation
    const taken = this.#taken.get(address) ?? 0
    if (taken === 0) this.#makeRoom(bytes, address)
    const left = this.#free - bytes
    if (left < (taken === 0 ? 0 : taken + bytes)) {
      // If all that have some of a message had to wait for each other, none would ever give anything back: one need not.
      if (reservation.bytes === 0 || (this.#beyond ?? reservation) !== reservation) return false
      this.#beyond = reservation
    }
    this.#add(reservation, bytes)
    return true
  }

  /** Whether an address has more than it leaves to others. */
  isCrowded(address: string): boolean {
    return this.#free < (this.#taken.get(address) ?? 0)
  }

  /** So many bytes are there for it now, more or fewer than before. */
  hold(holder: Holder, bytes: number): void {
    const change = bytes - holder.bytes
    if (change === 0) return
    if (bytes > 0) this.#holders.add(holder)
    else this.#holders.delete(holder)
    this.#add(holder, change)
    if (change > 0) this.#makeRoom(0)
    else this.#retry()
  }

  /** Everything that it has. */
  giveBack(reservation: Reservation): void {
    if (reservation.bytes === 0) return
    this.#add(reservation, -reservation.bytes)
    if (this.#beyond === reservation) this.#beyond = undefined
    this.#retry()
  }

  /** Calls `retry` once, when something was given back. */
  wait(retry: () => void): void {
    this.#waiting.add(retry)
    this.#count('waited_memory')
  }

  leave(retry: () => void): void {
    this.#waiting.delete(retry)
  }

  #add(reservation: Reservation, bytes: number): void {
    const { address } = reservation
    this.#free -= bytes
    reservation.bytes += bytes
    const taken = (this.#taken.get(address) ?? 0) + bytes
    if (taken > 0) this.#taken.set(address, taken)
    else this.#taken.delete(address)
  }

  /** Ends holders of the most crowded addresses until so much is free. */
  #makeRoom(bytes: number, except?: string): void {
    while (this.#free < bytes) {
      const others = [...this.#holders].filter(({ address }) => address !== except)
      const crowdOf = ({ address }: Holder): number => this.#taken.get(address) ?? 0
      const [first, ...rest] = others
      if (first === undefined) return
      const worst = rest.reduce((most, other) => {
        const more = crowdOf(other) - crowdOf(most) || other.bytes - most.bytes
        return more > 0 ? other : most
      }, first)
      this.hold(worst, 0)
      worst.evict()
      this.#count('evicted_stream')
    }
  }

  #retry(): void {
    for (const retry of [...this.#waiting]) {
      this.#waiting.delete(retry)
      retry()
    }
  }
}
