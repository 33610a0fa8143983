import { toHex } from '../wire/bytes.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { Fingerprint } from '../wire/request/fingerprint.js'

/** Seconds. */
export const DAY = 86_400
/** Parts that a digest has at most. */
const WINDOW = 64

/** Count and fingerprint of a day, as an archive tells them. */
export interface DaySum {
  /** Its first second. */
  lower: number
  count: number
  /** Hex. */
  fingerprint: string
}

/** Has an archive say what it holds: `parts` days from `lower` on, or one part that ends at `upper`. */
export type AskDigest = (range: { lower: number; upper: number; parts: number }) => Promise<DaySum[]>

/** What was read out of an archive, summed up by the day it was sent, so that it can be compared with what is there. */
export class DaySums {
  readonly #salt: Uint8Array
  readonly #until: number
  readonly #days = new Map<number, Fingerprint>()

  /** @param until - what was sent after this is not compared, Unix seconds: it may still be coming in */
  constructor(salt: Uint8Array, until: number) {
    this.#salt = salt
    this.#until = until
  }

  add({ sent, hash }: Envelope): void {
    if (sent > this.#until) return
    const day = Math.floor(sent / DAY)
    const sum = this.#days.get(day) ?? new Fingerprint(this.#salt)
    sum.add(hash)
    this.#days.set(day, sum)
  }

  /**
   * The days, as their numbers, of which an archive holds something else.
   * @param oldest - what was sent before this may be gone there, Unix seconds
   */
  async differing(ask: AskDigest, oldest: number): Promise<number[]> {
    const first = Math.ceil(oldest / DAY)
    const last = Math.floor(this.#until / DAY)
    const days = [...this.#days.keys()].filter(day => day >= first).sort((a, b) => a - b)
    const wrong: number[] = []
    // the last day is not whole, and what lies before the first is nothing
    for (let day = days[0] ?? last; day < last; day += WINDOW) {
      const parts = Math.min(WINDOW, last - day)
      const found = await ask({ lower: day * DAY, upper: (day + parts) * DAY - 1, parts })
      for (const sum of found) if (!this.#agrees(sum)) wrong.push(Math.floor(sum.lower / DAY))
    }
    const [today] = await ask({ lower: Math.max(last * DAY, oldest), upper: Math.max(this.#until, oldest), parts: 1 })
    if (today !== undefined && oldest <= last * DAY && !this.#agrees(today)) wrong.push(last)
    return wrong
  }

  #agrees({ lower, count, fingerprint }: DaySum): boolean {
    const sum = this.#days.get(Math.floor(lower / DAY))
    if (sum === undefined) return count === 0
    return sum.count === count && toHex(sum.bytes) === fingerprint
  }
}
