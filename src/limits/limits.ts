import type { Metrics } from '@libp2p/interface'
import { LimitCounts } from './counts.js'
import { Debts } from './debts.js'
import { FairQueue } from './fair-queue.js'
import * as FIGURES from './figures.js'
import { MemoryBudget } from './memory-budget.js'
import type { Newcomers } from './newcomers.js'
import type { Origin } from './origin.js'
import { Sharing } from './sharing.js'
import { Throttle } from './throttle.js'

/** What all peers of a node share, on whichever network they are. */
export class Limits {
  /** How often each bound was met. */
  readonly counts: LimitCounts
  readonly throttle = new Throttle()
  /** For what is large and not read yet. */
  readonly memory: MemoryBudget
  /** For opening what devp2p connections brought, when that is much. */
  readonly reading: FairQueue
  /** Those that bring so much. */
  readonly readers = new Sharing(FIGURES.devp2p.alone.lately)
  /** Once somebody listens: `Newcomers.of`. */
  newcomers: Newcomers | undefined
  /** For judging and storing Messages packets. */
  readonly packets: FairQueue
  /** For everything else that a packet may bring. */
  readonly others: FairQueue
  /** For looking through the pool. */
  readonly pool: FairQueue
  readonly #poolOfPeer = new Debts(FIGURES.pool.peer)
  readonly #poolOfAddress = new Debts(FIGURES.pool.address)

  /** @param init.memory bytes; see `FIGURES.memory.shared` */
  constructor(init: { memory?: number | undefined; metrics?: Metrics | undefined } = {}) {
    const counts = new LimitCounts(init.metrics)
    const { reading, packets, others, pool } = FIGURES.queues
    this.counts = counts
    this.memory = new MemoryBudget(init.memory ?? FIGURES.memory.shared, event => counts.add(event))
    this.reading = new FairQueue(reading, () => counts.add('waited_reading'))
    this.packets = new FairQueue(packets, () => counts.add('waited_messages'))
    this.others = new FairQueue(others, () => counts.add('waited_others'))
    this.pool = new FairQueue(pool, () => counts.add('waited_pool'))
  }

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
