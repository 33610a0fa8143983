import { setTimeout as delay } from 'node:timers/promises'
import type { CheckOptions } from './files/database-files.js'

/** So many times as long as a piece of work took others have their turn. */
const REST = 3
/** Between two looks at everything, ms. */
const DAY = 24 * 3600 * 1000

/** Looks through the files of a database when it was opened, and once a day. */
export class FileCheck {
  /** How many parts of them are damaged, as the first look found; 0 when it was broken off. */
  readonly first: Promise<number>
  readonly #stop = new AbortController()
  #running: Promise<unknown>

  /** @param look - at all files, for as long as the signal lasts */
  constructor(look: (options: CheckOptions) => Promise<number>) {
    const { signal } = this.#stop
    const pause = (worked: number): Promise<void> => delay(worked * REST, undefined, { signal })
    const once = (): Promise<number> => look({ signal, pause }).catch(() => 0)
    this.first = once()
    this.#running = this.first.then(async () => {
      for (;;) {
        await delay(DAY, undefined, { signal, ref: false })
        await once()
      }
    })
    this.#running.catch(() => {}) // that it was stopped
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running.catch(() => {})
  }
}
