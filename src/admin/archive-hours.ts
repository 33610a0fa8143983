import { randomBytes } from 'node:crypto'
import type { Archive } from '../archive/archive.js'
import { pause } from '../base/pause.js'
import type { Gap } from '../wire/request/coverage.js'

const HOUR = 3600
const DAY = 24 * HOUR
/** So many days are shown. */
const DAYS = 14
/** A day that is over is counted again after this, ms: pruning and what comes late change it. */
const GOOD = 600_000
const GOOD_TODAY = 30_000

export interface ArchiveDay {
  /** When it begins, UTC, Unix seconds. */
  from: number
  /** Envelopes by hour in which they were sent, 24 of them. */
  hours: number[]
}

export interface ArchiveHours {
  days: ArchiveDay[]
  /** Own outages, and what is damaged, in that time. */
  gaps: Gap[]
  /** What was sent before may have been pruned, Unix seconds; 0 when nothing was. */
  oldest: number
  /** When the archive began. */
  since: number
}

/** What is archived when. Counted from the index, a day at a time, and kept for a while. */
export class ArchiveCalendar {
  readonly #archive: Archive
  readonly #days = new Map<number, { at: number; hours: number[] }>()
  #looking: Promise<ArchiveHours> | undefined

  constructor(archive: Archive) {
    this.#archive = archive
  }

  /** Whoever asks meanwhile gets the same. */
  look(): Promise<ArchiveHours> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<ArchiveHours> {
    const now = Math.floor(Date.now() / 1000)
    const today = now - (now % DAY)
    const first = today - (DAYS - 1) * DAY
    const { gaps, oldest, since } = await this.#archive.coverage({ lower: first, upper: today + DAY - 1 })
    const days: ArchiveDay[] = []
    for (let from = first; from <= today; from += DAY) days.push({ from, hours: await this.#day(from, from === today) })
    for (const from of this.#days.keys()) if (from < first) this.#days.delete(from)
    return { days, gaps, oldest, since }
  }

  async #day(from: number, isToday: boolean): Promise<number[]> {
    const known = this.#days.get(from)
    if (known !== undefined && performance.now() - known.at < (isToday ? GOOD_TODAY : GOOD)) return known.hours
    const query = { lower: from, upper: from + DAY - 1, salt: randomBytes(16), parts: DAY / HOUR, by: 'time' as const }
    const steps = this.#archive.digest(query)
    for (let step = await steps.next(); ; step = await steps.next()) {
      if (step.done === true) {
        const hours = step.value.map(({ count }) => count)
        this.#days.set(from, { at: performance.now(), hours })
        return hours
      }
      await pause() // everything else comes first
    }
  }
}
