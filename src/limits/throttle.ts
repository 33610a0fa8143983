import { Debts } from './debts.js'
import * as FIGURES from './figures.js'
import type { Origin } from './origin.js'

/** What became of something that a peer sent. */
export interface Judgement {
  /** Envelopes that are new. */
  accepted: number
  /** What it cost for nothing, in bytes hashed meanwhile: what does not decode, is refused, ignored or known. */
  charge: number
}

/** What is said of something that was sent in vain as a whole. */
export function inVain(body: Uint8Array): Judgement {
  return { accepted: 0, charge: body.length + FIGURES.throttle.judgement }
}

/**
 * Reads those later who sent in vain, each at a steady rate of garbage, on whichever network and under whatever identity: a
 * debt is the peer's and its address's. Whoever has sent nothing in vain is not made to wait for one that has. But what peers
 * may send in vain before they wait, the patience with each, is one for all of an address that never brought anything: an
 * identity is free, and who comes under a new one each time would never wait otherwise. Of a table that is full the one who
 * came into it longest ago is forgotten.
 */
export class Throttle {
  readonly #now: () => number
  readonly #peers: Debts
  readonly #addresses: Debts
  /** What was sent in vain of the patience with each peer of an address. */
  readonly #patience: Debts
  /** Peers that brought something, and nothing in vain since. */
  readonly #proven = new Set<string>()
  #debtors = 0
  #countedAt = Number.NEGATIVE_INFINITY

  /** @param now a clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    const { peer, address } = FIGURES.throttle
    this.#now = now
    this.#peers = new Debts(peer, now)
    this.#addresses = new Debts(address, now)
    this.#patience = new Debts(address, now)
  }

  /** Notes what it sent in vain, in bytes. */
  charge({ peer, address }: Origin, bytes: number): void {
    if (bytes <= 0) return
    const share = this.#share()
    // who waited for what it sent before has as much left as may be owed without waiting: it paid for this
    if (this.#peers.owed(peer) < FIGURES.throttle.peer.free / 2) this.#patience.owe(address, bytes, share)
    this.#proven.delete(peer)
    this.#peers.owe(peer, bytes)
    this.#addresses.owe(address, bytes, share)
  }

  /** Notes that it brought something, and nothing in vain with it. */
  prove({ peer }: Origin): void {
    this.#proven.delete(peer)
    this.#proven.add(peer)
    if (this.#proven.size > FIGURES.throttle.peer.remembered)
      this.#proven.delete(this.#proven.keys().next().value as string)
  }

  /** Notes what became of something that it sent. */
  judge(origin: Origin, { accepted, charge }: Judgement): void {
    if (charge > 0) this.charge(origin, charge)
    else if (accepted > 0) this.prove(origin)
  }

  /**
   * How long not to read what comes next from it, ms: to be asked once for each thing that is read. Those of one address that
   * have to wait go on one after the other.
   */
  reserve({ peer, address }: Origin): number {
    const own = this.ofPeer(peer)
    const wait =
      own > 0 ? Math.max(own, this.ofAddress(address)) : this.#proven.has(peer) ? 0 : this.#patience.wait(address)
    if (wait === 0) return 0
    this.charge({ peer, address }, FIGURES.throttle.spacing)
    return wait
  }

  /** How long a peer waits for what it sent in vain itself, ms. */
  ofPeer(peer: string): number {
    return this.#peers.wait(peer)
  }

  /** How long those of an address that sent something in vain wait for what all of them sent, ms. */
  ofAddress(address: string): number {
    return this.#addresses.wait(address)
  }

  /** The addresses whose peers wait now, if they sent something in vain, and how long, ms. */
  waitingAddresses(): Array<[address: string, wait: number]> {
    return [...this.#addresses.waiting()]
  }

  /** Whether new peers of an address are let in slowly: a new identity has more patience to waste. */
  noisy(address: string): boolean {
    return this.ofAddress(address) > FIGURES.throttle.mishap
  }

  /** Which part of the rate an address has, so that all that are in debt have no more than the rate of all. */
  #share(): number {
    const { address, rateOfAll, recount, lately } = FIGURES.throttle
    const now = this.#now()
    if (now - this.#countedAt > recount) {
      this.#countedAt = now
      this.#debtors = this.#addresses.debtors(lately)
    }
    return Math.min(1, rateOfAll / (this.#debtors * address.rate))
  }
}
