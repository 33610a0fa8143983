import { EVERYTHING, type KeyRange, overlap } from './key-range.js'

/** Of one level: one that a read begins in, and those that it comes to before it asks again. */
const NEXT = 3

interface Doubt {
  range: Located
  /** Somebody looked, and it is. */
  damaged: boolean
}

/** Keys of a table; in a level above 0 no two overlap. */
type Located = KeyRange & { level?: number }

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

  begin(tables: ReadonlyMap<number, Located>): void {
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
    const isWanted = anyOf(wanted)
    for (const [table, { range, damaged }] of this.#doubts) {
      if (!isWanted(range)) continue
      if (damaged || !(await this.#once(table))) sound = false
    }
    return sound
  }

  /** The same for those that a read of some keys comes to first. */
  async areFirstSound(keys: KeyRange, { reverse = false }: { reverse?: boolean | undefined }): Promise<boolean> {
    const byLevel = new Map<number, KeyRange[]>()
    for (const { range } of this.#doubts.values()) {
      const level = range.level ?? 0
      if (!overlap(keys, range)) continue
      const ranges = byLevel.get(level)
      if (ranges === undefined) byLevel.set(level, [range])
      else ranges.push(range)
    }
    const first: KeyRange[] = []
    for (const [level, ranges] of byLevel) {
      ranges.sort((a, b) => (reverse ? Buffer.compare(b.from, a.from) : Buffer.compare(a.from, b.from)))
      first.push(...(level === 0 ? ranges : ranges.slice(0, NEXT)))
    }
    return first.length === 0 || (await this.areSound(first))
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
