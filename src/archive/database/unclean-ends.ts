import { readFile, rm, writeFile } from 'node:fs/promises'

/** Counts how often in a row a database was opened and not closed, in a file beside it. One that cannot be had counts nothing. */
export class UncleanEnds {
  readonly #path: string

  /** @param path - of the file */
  constructor(path: string) {
    this.#path = path
  }

  async count(): Promise<number> {
    const text = await readFile(this.#path, 'latin1').catch(() => '')
    return /^\d{1,6}\n$/.test(text) ? Number(text) : 0
  }

  /** To be called before it is opened, and with 0 when it was closed. */
  async set(count: number): Promise<void> {
    const done = count === 0 ? rm(this.#path, { force: true }) : writeFile(this.#path, `${count}\n`, { mode: 0o600 })
    await done.catch(() => {})
  }
}
