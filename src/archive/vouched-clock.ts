export interface VouchedClockInit {
  /** What the clock says, Unix seconds. */
  now: () => number
  /**
   * Milliseconds that never jump.
   * @default performance.now
   */
  monotonic?: (() => number) | undefined
}

/**
 * A time that does not jump ahead with the clock: it goes on from when the newest envelope was sent, as time passes for this process.
 * A clock that was put back is believed, since by it less is too old.
 */
export class VouchedClock {
  readonly #now: () => number
  readonly #monotonic: () => number
  #last: { time: number; at: number } | undefined

  constructor({ now, monotonic = () => performance.now() }: VouchedClockInit) {
    this.#now = now
    this.#monotonic = monotonic
  }

  /**
   * @param newest - when the newest envelope was sent; one of the future vouches for nothing
   * @returns the time, and by how many seconds the clock is ahead of it
   */
  time(newest: number): { time: number; ahead: number } {
    const now = this.#now()
    const at = this.#monotonic()
    const passed = this.#last === undefined ? 0 : this.#last.time + (at - this.#last.at) / 1000
    const vouched = newest <= now ? Math.max(newest, passed) : passed
    // where nothing says otherwise, the clock is all there is
    if (vouched === 0) return { time: now, ahead: 0 }
    this.#last = { time: vouched, at }
    return { time: Math.min(now, vouched), ahead: Math.max(0, now - vouched) }
  }
}
