import { Debts } from './debts.js'
import { FairQueue } from './fair-queue.js'
import { FIGURES } from './figures.js'
import { MemoryBudget } from './memory-budget.js'
import type { Origin } from './origin.js'
import { Throttle } from './throttle.js'

/** What all peers of a node share, on whichever network they are. */
export class Limits {
  readonly throttle = new Throttle()
  /** For what is large and not read yet. */
  readonly memory = new MemoryBudget(FIGURES.memory.shared)
  /** For judging and storing Messages packets. */
  readonly packets = new FairQueue(FIGURES.turns.packets)
  /** For everything else that a packet may bring. */
  readonly others = new FairQueue(FIGURES.turns.others)
  /** For looking through the pool. */
  readonly pool = new FairQueue(FIGURES.turns.pool)
  readonly #poolOfPeer = new Debts(FIGURES.pool.peer)
  readonly #poolOfAddress = new Debts(FIGURES.pool.address)

  /** Notes what a peer was sent that was there before it came, in bytes. */
  oldSent({ peer, address }: Origin, bytes: number): void {
    this.#poolOfPeer.owe(peer, bytes)
    this.#poolOfAddress.owe(address, bytes)
  }

  /** How long until it is sent more of that, ms. */
  oldWait({ peer, address }: Origin): number {
    return Math.max(this.#poolOfPeer.wait(peer), this.#poolOfAddress.wait(address))
  }
}
