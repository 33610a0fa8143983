import { EVERYTHING, type KeyRange, overlap } from './key-range.js'

interface Doubt {
  range: KeyRange
  /** Somebody looked, and it is. */
  damaged: boolean
}

/**
 * Tables of which nobody knows that they are sound, by their numbers: those that were there when the database was opened, until somebody
 * looks at them. What LevelDB writes after that it wrote itself. LevelDB looks at no checksum when it reads, and a length that is wrong
 * ends the process: so nothing is read of a table before it was looked at.
 */
export class DoubtfulTables {
  readonly #doubts = new Map<number, Doubt>()
  readonly #looks = new Map<number, Promise<boolean>>()
  readonly #look: (table: number) => Promise<boolean>

  /** @param look - whether a table is sound, or gone */
  constructor(look: (table: number) => Promise<boolean>) {
    this.#look = look
  }

  get size(): number {
    return this.#doubts.size
  }

  begin(tables: ReadonlyMap<number, KeyRange>): void {
    this.#doubts.clear()
    for (const [table, range] of tables) this.#doubts.set(table, { range, damaged: false })
  }

  /** To be told what came out of a look at a table. */
  saw(table: number, damaged: boolean): void {
    if (damaged) this.#doubts.set(table, { range: this.#doubts.get(table)?.range ?? EVERYTHING, damaged })
    else this.#doubts.delete(table)
  }

  /** To be called when all were mended. */
  clear(): void {
    this.#doubts.clear()
  }

  /** Whether all tables are sound that hold any of some keys: looks at those of which that is not known. */
  async areSound(wanted: readonly KeyRange[]): Promise<boolean> {
    let sound = true
    for (const [table, { range, damaged }] of this.#doubts) {
      if (!wanted.some(keys => overlap(keys, range))) continue
      if (damaged || !(await this.#once(table))) sound = false
    }
    return sound
  }

  /** Who comes meanwhile waits for the same look. */
  async #once(table: number): Promise<boolean> {
    const running =
      this.#looks.get(table) ??
      this.#look(table)
        .then(sound => {
          this.saw(table, !sound)
          return sound
        })
        .finally(() => this.#looks.delete(table))
    this.#looks.set(table, running)
    return running
  }
}
