import { setTimeout as delay } from 'node:timers/promises'
import { anySignal } from '../../base/any-signal.js'
import type { CheckOptions } from './files/database-files.js'
import { STEP_BYTES } from './files/table-file.js'

/** So many times as long as a piece of work took others have their turn. */
const REST = 3
/** From the beginning of one look at everything to that of the next, where it is over by then, ms. */
const HOUR = 3600 * 1000
/** Between two looks for what somebody met, ms. */
const APART = 600 * 1000
/** Bytes looked at in a second, at most, but for the first look: hardly felt by a disk, and 28 GiB in an hour. */
const RATE = 8 * 1024 * 1024

export interface FileCheckOptions {
  /** @default an hour, ms */
  every?: number | undefined
}

/** Looks through the files of a database when it was opened, and then again and again, at its leisure. */
export class FileCheck {
  /** How many parts of them are damaged, as the first look found; 0 when it was broken off. */
  readonly first: Promise<number>
  readonly #stop = new AbortController()
  #hurry = new AbortController()
  /** When a look was made for what somebody met. */
  #hurried = Number.NEGATIVE_INFINITY
  #running: Promise<unknown>

  /** @param look - at all files, for as long as the signal lasts */
  constructor(look: (options: CheckOptions) => Promise<number>, { every = HOUR }: FileCheckOptions = {}) {
    const { signal } = this.#stop
    const once = (rest: () => number, ref: boolean): Promise<number> => {
      const pause = (worked: number): Promise<void> =>
        delay(Math.max(worked * REST, rest()), undefined, { signal, ref })
      return look({ signal, pause }).catch(() => 0)
    }
    this.first = once(() => 0, true) // who waits for it gets to its end
    this.#running = this.#again(every, hurried =>
      once(() => (hurried || this.#hurry.signal.aborted ? 0 : (STEP_BYTES / RATE) * 1000), false)
    )
    this.#running.catch(() => {}) // that it was stopped
  }

  /** Has the next look begin now, and go on without rests, unless it was asked for before in the last ten minutes. */
  hurry(): void {
    const now = performance.now()
    if (now - this.#hurried < APART) return
    this.#hurried = now
    this.#hurry.abort()
  }

  async #again(every: number, look: (hurried: boolean) => Promise<unknown>): Promise<void> {
    const { signal } = this.#stop
    await this.first
    for (let began = performance.now(); ; ) {
      const until = anySignal([signal, this.#hurry.signal])
      const pause = Math.max(0, began + every - performance.now())
      await delay(pause, undefined, { signal: until, ref: false }).catch(() => signal.throwIfAborted())
      began = performance.now()
      const hurried = this.#hurry.signal.aborted
      if (hurried) this.#hurry = new AbortController()
      await look(hurried)
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running.catch(() => {})
  }
}
