const HOUR = 3_600_000
/** Peers that are remembered; those who have most left are forgotten first. */
const MAX_PEERS = 10_000

interface Account {
  left: number
  /** When `left` was right, ms. */
  at: number
}

/** What each peer may still use of a number of bytes that comes back evenly within an hour. */
export class ByteAllowance {
  readonly #perHour: number
  readonly #now: () => number
  readonly #accounts = new Map<string, Account>()

  /** @param now ms */
  constructor(perHour: number, now: () => number = () => performance.now()) {
    this.#perHour = perHour
    this.#now = now
  }

  /** Bytes that a peer may use now. */
  left(peer: string): number {
    const account = this.#accounts.get(peer)
    if (account === undefined) return this.#perHour
    return Math.min(this.#perHour, account.left + ((this.#now() - account.at) / HOUR) * this.#perHour)
  }

  /** Takes bytes; false when there are not so many, and then all that was left is gone. */
  spend(peer: string, bytes: number): boolean {
    const left = this.left(peer)
    this.#accounts.set(peer, { left: Math.max(0, left - bytes), at: this.#now() })
    if (this.#accounts.size > MAX_PEERS) this.#forget()
    return bytes <= left
  }

  /** Seconds until a peer may use so many bytes. */
  wait(peer: string, bytes: number): number {
    const missing = Math.min(bytes, this.#perHour) - this.left(peer)
    return Math.max(1, Math.ceil((missing / this.#perHour) * (HOUR / 1000)))
  }

  #forget(): void {
    const byRest = [...this.#accounts.keys()].sort((a, b) => this.left(b) - this.left(a))
    for (const peer of byRest.slice(0, MAX_PEERS / 10)) this.#accounts.delete(peer)
  }
}
