import { FIGURES } from './figures.js'
import type { Origin } from './origin.js'

/** What became of something that a peer sent. */
export interface Judgement {
  /** Envelopes that are new. */
  accepted: number
  /** What it cost for nothing, in bytes hashed meanwhile: what does not decode, is refused, ignored or known. */
  wasted: number
}

/** What is said of something that was sent in vain as a whole. */
export function inVain(body: Uint8Array): Judgement {
  return { accepted: 0, wasted: body.length + FIGURES.throttle.judgement }
}

/** When a debt that is paid off at a steady rate will be gone, ms; by peer or by address. */
type Debts = Map<string, number>

/**
 * Reads those later who sent in vain, each at a steady rate of garbage, on whichever network and under whatever identity: a
 * debt is the peer's and its address's. Who sent nothing in vain never waits for others of its address. Of a table that is full
 * the one who sent something in vain longest ago is forgotten.
 */
export class Throttle {
  readonly #now: () => number
  readonly #peers: Debts = new Map()
  readonly #addresses: Debts = new Map()
  #debtors = 0
  #countedAt = Number.NEGATIVE_INFINITY

  /** @param now a clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Notes what it sent in vain, in bytes. */
  charge({ peer, address }: Origin, bytes: number): void {
    if (bytes <= 0) return
    const { rate, longest, longestOfAddress, addressLead } = FIGURES.throttle
    this.#owe(this.#peers, peer, bytes / rate, longest)
    this.#owe(this.#addresses, address, bytes / (rate / this.#shares()), longestOfAddress + addressLead)
  }

  /**
   * How long not to read what comes next from it, ms: to be asked once for each thing that is read. Those of one address that
   * have to wait go on one after the other.
   */
  reserve({ peer, address }: Origin): number {
    const own = this.ofPeer(peer)
    if (own === 0) return 0
    const wait = Math.max(own, this.ofAddress(address))
    this.charge({ peer, address }, FIGURES.throttle.spacing)
    return wait
  }

  /** How long a peer waits for what it sent in vain itself, ms. */
  ofPeer(peer: string): number {
    const { rate, free, longest } = FIGURES.throttle
    return Math.min(longest, this.#left(this.#peers, peer, free / rate))
  }

  /** How long those of an address that sent something in vain wait for what all of them sent, ms. */
  ofAddress(address: string): number {
    return Math.min(
      FIGURES.throttle.longestOfAddress,
      this.#left(this.#addresses, address, FIGURES.throttle.addressLead)
    )
  }

  /** Whether new peers of an address are let in slowly: a new identity has more patience to waste. */
  noisy(address: string): boolean {
    return this.ofAddress(address) > FIGURES.throttle.mishap
  }

  #left(debts: Debts, key: string, free: number): number {
    return Math.ceil(Math.max(0, (debts.get(key) ?? 0) - this.#now() - free))
  }

  #owe(debts: Debts, key: string, ms: number, longest: number): void {
    const now = this.#now()
    const until = Math.min(Math.max(debts.get(key) ?? 0, now) + ms, now + longest)
    debts.delete(key)
    debts.set(key, until)
    if (debts.size > FIGURES.throttle.remembered) debts.delete(debts.keys().next().value as string)
  }

  /** By how much the rate of an address is divided, so that all that are in debt have no more than the rate of all. */
  #shares(): number {
    const { rate, rateOfAll, recount } = FIGURES.throttle
    const now = this.#now()
    if (now - this.#countedAt > recount) {
      this.#countedAt = now
      this.#debtors = 0
      for (const until of this.#addresses.values()) if (until > now) this.#debtors++
    }
    return Math.max(1, (this.#debtors * rate) / rateOfAll)
  }
}
