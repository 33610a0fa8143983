import { EVERYTHING, type KeyRange, overlap } from './key-range.js'
import type { Direction, TableLevels } from './table-levels.js'

/** Looks at once: one is read while another is looked at. */
const AT_ONCE = 2

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

  /** Those that hold any of some keys. */
  of(wanted: readonly KeyRange[]): number[] {
    const isWanted = anyOf(wanted)
    return [...this.#doubts].flatMap(([table, { range }]) => (isWanted(range) ? [table] : []))
  }

  /** The same of those, of all that there are now, that a read of some keys comes to first. */
  firstOf(levels: TableLevels, keys: KeyRange, direction: Direction): number[] {
    return levels.first(keys, direction).filter(table => this.#doubts.has(table))
  }

  /** Whether tables are sound: looks at those of which that is not known. */
  async areSound(tables: readonly number[]): Promise<boolean> {
    let sound = true
    for (let i = 0; i < tables.length; i += AT_ONCE) {
      const looks = tables.slice(i, i + AT_ONCE).map(table => this.#isSound(table))
      for (const look of await Promise.all(looks)) sound = sound && look
    }
    return sound
  }

  async #isSound(table: number): Promise<boolean> {
    const doubt = this.#doubts.get(table)
    return doubt === undefined || (!doubt.damaged && (await this.#once(table)))
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

/** With fewer keys it takes no longer to look at each. */
const MANY = 8

/** Tells whether any of some keys lies in a range: a read of a thousand keys is held against thousands of tables. */
function anyOf(wanted: readonly KeyRange[]): (range: KeyRange) => boolean {
  if (wanted.length < MANY || wanted.some(({ from, until }) => from !== until))
    return range => wanted.some(keys => overlap(keys, range))
  const keys = wanted.map(({ from }) => from).sort(Buffer.compare)
  return ({ from, until }) => {
    let low = 0
    let high = keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (Buffer.compare(keys[middle] as Uint8Array, from) < 0) low = middle + 1
      else high = middle
    }
    const first = keys[low]
    return first !== undefined && (until === undefined || Buffer.compare(first, until) <= 0)
  }
}
