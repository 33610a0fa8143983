import { openSync, readSync } from 'node:fs'

/** How often it is looked, ms. */
const EVERY = 2
const MS = 1e6

export interface Stall {
  /** The longest that the event loop was late, ms. */
  longest: number
  /** For how much of that the thread was ready to run and the system ran others, ms. */
  waited: number
  /** The longest that the thread ran within one round of the event loop, ms: what no machine of this speed would spare. */
  worked: number
}

/** What the system says of this process's main thread, ms. */
interface Scheduled {
  ran: number
  waited: number
}

/** How long the event loop of this process was held up, and by whom: on a busy machine a late loop may have done nothing. */
export class Pulse {
  readonly #file = openSync('/proc/self/schedstat', 'r')
  readonly #text = Buffer.alloc(128)
  #last = performance.now()
  #scheduled: Scheduled
  #stall: Stall = { longest: 0, waited: 0, worked: 0 }

  constructor() {
    this.#scheduled = this.#read()
    setInterval(() => this.#look(), EVERY).unref()
  }

  /** The worst since it was asked before. */
  take(): Stall {
    const stall = this.#stall
    this.#stall = { longest: 0, waited: 0, worked: 0 }
    return stall
  }

  #look(): void {
    const now = performance.now()
    const scheduled = this.#read()
    const late = now - this.#last - EVERY
    const waited = scheduled.waited - this.#scheduled.waited
    const worked = Math.max(this.#stall.worked, scheduled.ran - this.#scheduled.ran)
    this.#stall = late > this.#stall.longest ? { longest: late, waited, worked } : { ...this.#stall, worked }
    this.#last = now
    this.#scheduled = scheduled
  }

  /** Linux counts the nanoseconds in which a thread ran, and in which it could have. */
  #read(): Scheduled {
    const length = readSync(this.#file, this.#text, 0, this.#text.length, 0)
    const [ran, waited] = this.#text.toString('latin1', 0, length).split(' ').map(Number) as [number, number]
    return { ran: ran / MS, waited: waited / MS }
  }
}
