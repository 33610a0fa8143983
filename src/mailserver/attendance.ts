import type { Logger, Startable } from '@libp2p/interface'
import type { Archive } from '../archive/archive.js'
import { type Gap, GapKind } from '../wire/request/coverage.js'

export interface AttendanceParts {
  archive: Archive
  log: Logger
  /** The clock: Unix time in seconds. */
  now(): number
  /** Seconds between two notes of being there. */
  interval: number
}

/** Absences shorter than this are none: envelopes are resent while they live. Seconds. */
const GRACE = 60

/**
 * Notes in the archive when the node did not run and when it could not store, so that an empty answer says whether anybody was
 * listening. What was asleep with its machine did not run either.
 */
export class Attendance implements Startable {
  readonly #parts: AttendanceParts
  #timer: ReturnType<typeof setInterval> | undefined
  #seen = 0
  #failingSince: number | undefined
  #told = false
  #noting: Promise<void> = Promise.resolve()

  constructor(parts: AttendanceParts) {
    this.#parts = parts
  }

  start(): void {
    if (this.#timer !== undefined) return
    const { archive, interval, now } = this.#parts
    this.#seen = archive.attended ?? now()
    this.#note()
    this.#timer = setInterval(() => this.#note(), interval * 1000)
    this.#timer.unref?.()
  }

  /** Notes until when it was there; everything that was accepted is stored by now. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#note()
    await this.#noting
  }

  /** To be told of every append: what it failed by, or nothing. */
  stored(error?: Error): void {
    if (error === undefined) {
      const ongoing = this.ongoing
      this.#failingSince = undefined
      if (ongoing !== undefined) this.#write(archive => archive.addGap(ongoing))
    } else this.#failingSince ??= this.#parts.now()
  }

  /** The time since when nothing can be stored. */
  get ongoing(): Gap | undefined {
    const from = this.#failingSince
    if (from === undefined) return undefined
    return { from, until: Math.max(from, this.#parts.now()), kind: GapKind.unstored, count: 0 }
  }

  #note(): void {
    const { now, interval } = this.#parts
    const [before, at] = [this.#seen, now()]
    const { ongoing } = this
    this.#seen = at
    this.#write(async archive => {
      // who is there and cannot store may be killed before that is over
      if (ongoing !== undefined) await archive.addGap(ongoing)
      if (at - before > interval + GRACE)
        await archive.addGap({ from: before, until: at, kind: GapKind.down, count: 0 })
      await archive.attend(at)
    })
  }

  /** One after the other. What keeps them from the disk keeps envelopes from it too, and is told of there: here once. */
  #write(work: (archive: Archive) => Promise<void>): void {
    const { archive, log } = this.#parts
    this.#noting = this.#noting
      .then(() => work(archive))
      .then(
        () => {
          this.#told = false
        },
        error => {
          if (!this.#told) log.error('a gap could not be noted - %e', error)
          this.#told = true
        }
      )
  }
}
