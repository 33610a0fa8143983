/** Clocks that differ by so much over one look have jumped, ms: a network corrects by less. */
const JUMP = 20_000
/** Timers that come so late were held up with all else, ms; a browser makes those of a tab that nobody sees wait a minute. */
const HELD_UP = 150_000

/**
 * Notices that the machine slept, or the clock was set: the time of day went on by more, or less, than the clock that only counts, or
 * the timer came much too late (some systems count on while they sleep).
 */
export class Wake {
  readonly #now: () => number
  readonly #ticks: () => number
  #time: number
  #tick: number

  /**
   * @param now - Unix seconds
   * @param ticks - ms, of a clock that nobody sets
   */
  constructor(now: () => number, ticks: () => number = () => performance.now()) {
    this.#now = now
    this.#ticks = ticks
    this.#time = now()
    this.#tick = ticks()
  }

  /** Whether it was so since the last look. */
  look(): boolean {
    const [time, tick] = [this.#now(), this.#ticks()]
    const elapsed = tick - this.#tick
    const jumped = Math.abs((time - this.#time) * 1000 - elapsed) >= JUMP
    this.#time = time
    this.#tick = tick
    return jumped || elapsed >= HELD_UP
  }
}
