import { FairQueue } from './fair-queue.js'
import { FIGURES } from './figures.js'
import { Throttle } from './throttle.js'

/** What all peers of a node share, on whichever network they are. */
export class Limits {
  readonly throttle = new Throttle()
  /** For judging and storing Messages packets. */
  readonly packets = new FairQueue(FIGURES.turns.packets)
  /** For everything else that a packet may bring. */
  readonly others = new FairQueue(FIGURES.turns.others)
}
