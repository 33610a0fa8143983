import { Entrance } from './entrance.js'
import { FairQueue } from './fair-queue.js'
import * as FIGURES from './figures.js'
import type { Limits } from './limits.js'
import { StartRate } from './start-rate.js'

/** Where those wait that connect to a node, on whichever network: applications that are reached by nobody do not load it. */
export class Newcomers {
  /** Where all of them wait. */
  readonly entrance: Entrance
  /** For the part of devp2p handshakes that takes the processor. */
  readonly handshakes: FairQueue

  private constructor({ counts }: Limits) {
    this.entrance = new Entrance(() => counts.add('waited_connection'))
    this.handshakes = new FairQueue(FIGURES.queues.handshakes, () => counts.add('waited_handshake'), {
      rate: new StartRate(FIGURES.handshakes.rateOfAll)
    })
  }

  /** Those of a node: the same for all its networks. */
  static of(limits: Limits): Newcomers {
    limits.newcomers ??= new Newcomers(limits)
    return limits.newcomers
  }
}
