import { FairQueue } from '../limits/fair-queue.js'
import * as FIGURES from '../limits/figures.js'
import { Narrowing } from '../limits/narrowing.js'
import { UsedTime } from '../limits/used-time.js'

/** Where requests wait for each other: in each the address that used least is next. */
export class RequestQueues {
  /** For decryption: it takes the processor alone, and does not wait for what others read. */
  readonly opening: FairQueue
  /** For the archive. */
  readonly reading: FairQueue
  /** For packing and encrypting answers: what all of them bring to the wire at once would hold up everybody. */
  readonly sending: FairQueue

  /**
   * @param concurrency reads of the archive at a time
   * @param onWait told of each that does not have its turn at once
   */
  constructor(concurrency: number, onWait: () => void) {
    const queue = (places: number, narrows = false): FairQueue =>
      new FairQueue(places, onWait, { used: new UsedTime(), narrowing: narrows ? new Narrowing() : undefined })
    this.opening = queue(FIGURES.queues.opening)
    this.reading = queue(concurrency, true)
    this.sending = queue(FIGURES.queues.sending)
  }
}
