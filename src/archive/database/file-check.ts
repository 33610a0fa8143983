import { setTimeout as delay } from 'node:timers/promises'
import type { CheckOptions } from './files/database-files.js'
import { STEP_BYTES } from './files/table-file.js'

/** So many times as long as a piece of work took others have their turn. */
const REST = 3
/** From the beginning of one look at everything to that of the next, where it is over by then, ms. */
const HOUR = 3600 * 1000
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
  #running: Promise<unknown>

  /** @param look - at all files, for as long as the signal lasts */
  constructor(look: (options: CheckOptions) => Promise<number>, { every = HOUR }: FileCheckOptions = {}) {
    const { signal } = this.#stop
    const once = (rest: number): Promise<number> => {
      const options = { signal, ref: rest === 0 } // who waits for the first look gets to its end
      const pause = (worked: number): Promise<void> => delay(Math.max(worked * REST, rest), undefined, options)
      return look({ signal, pause }).catch(() => 0)
    }
    this.first = once(0)
    this.#running = this.#again(every, () => once((STEP_BYTES / RATE) * 1000))
    this.#running.catch(() => {}) // that it was stopped
  }

  async #again(every: number, look: () => Promise<unknown>): Promise<void> {
    const { signal } = this.#stop
    for (let began = performance.now(), last: Promise<unknown> = this.first; ; last = look()) {
      await last
      await delay(Math.max(0, began + every - performance.now()), undefined, { signal, ref: false })
      began = performance.now()
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running.catch(() => {})
  }
}
