import * as FIGURES from '../limits/figures.js'
import type { Origin } from '../limits/origin.js'

const { address: OF_ADDRESS, remembered: REMEMBERED } = FIGURES.upstream.allowance
const HOUR = 3_600_000

interface Account {
  left: number
  /** When `left` was right, ms. */
  at: number
}

/** What each peer, and each address, may still use of a number of bytes that comes back evenly within an hour. */
export class ByteAllowance {
  readonly #perHour: number
  readonly #now: () => number
  /** Of peers and of addresses; those of addresses in parts of `OF_ADDRESS`; those that have most left are forgotten first. */
  readonly #accounts = new Map<string, Account>()

  /** @param now ms */
  constructor(perHour: number, now: () => number = () => performance.now()) {
    this.#perHour = perHour
    this.#now = now
  }

  /** Bytes that a peer may use now. */
  left({ peer, address }: Origin): number {
    return Math.min(this.#left(ofPeer(peer)), this.#left(ofAddress(address)) * OF_ADDRESS)
  }

  /** Takes bytes; false when there are not so many, and then all that was left is gone. */
  spend({ peer, address }: Origin, bytes: number): boolean {
    const enough = bytes <= this.left({ peer, address })
    this.#spend(ofPeer(peer), bytes)
    this.#spend(ofAddress(address), bytes / OF_ADDRESS)
    if (this.#accounts.size > REMEMBERED) this.#forget()
    return enough
  }

  /** Seconds until a peer may use so many bytes. */
  wait(origin: Origin, bytes: number): number {
    const missing = Math.min(bytes, this.#perHour) - this.left(origin)
    return Math.max(1, Math.ceil((missing / this.#perHour) * (HOUR / 1000)))
  }

  #left(name: string): number {
    const account = this.#accounts.get(name)
    if (account === undefined) return this.#perHour
    return Math.min(this.#perHour, account.left + ((this.#now() - account.at) / HOUR) * this.#perHour)
  }

  #spend(name: string, bytes: number): void {
    this.#accounts.set(name, { left: Math.max(0, this.#left(name) - bytes), at: this.#now() })
  }

  #forget(): void {
    const byRest = [...this.#accounts.keys()].sort((a, b) => this.#left(b) - this.#left(a))
    for (const name of byRest.slice(0, REMEMBERED / 10)) this.#accounts.delete(name)
  }
}

function ofPeer(peer: string): string {
  return `peer ${peer}`
}

function ofAddress(address: string): string {
  return `address ${address}`
}
