import { type KeyRange, overlap } from './key-range.js'
import type { LiveTable } from './manifest.js'

/** Of one level: the table that a read begins in, and those that it comes to before it asks again. */
const NEXT = 3
/** The same of a read of one entry: backwards LevelDB looks at the one before it, too. */
const NEXT_OF_ONE = 2

/** How keys are read that lie one behind the other. */
export interface Direction {
  reverse?: boolean | undefined
  /** At most so many entries until it is asked for more. */
  size?: number | undefined
}

interface Table {
  table: number
  range: KeyRange
}

/** The tables of a database as they lie: those of level 0 overlap, and all others lie beside each other in theirs. */
export class TableLevels {
  readonly #overlapping: number[] = []
  /** Above level 0, each in the order of its keys. */
  readonly #levels: Table[][]

  constructor(tables: ReadonlyMap<number, LiveTable>) {
    const levels = new Map<number, Table[]>()
    for (const [table, range] of tables) {
      const level = levels.get(range.level)
      if (range.level === 0) this.#overlapping.push(table)
      else if (level === undefined) levels.set(range.level, [{ table, range }])
      else level.push({ table, range })
    }
    this.#levels = [...levels.values()]
    for (const level of this.#levels) level.sort((a, b) => Buffer.compare(a.range.from, b.range.from))
  }

  /** Those that a read of some keys comes to first. */
  first(keys: KeyRange, direction: Direction): number[] {
    // LevelDB begins in each of level 0, whatever it holds
    return [...this.#overlapping, ...this.#levels.flatMap(tables => firstOf(tables, keys, direction))]
  }
}

function firstOf(tables: readonly Table[], keys: KeyRange, { reverse = false, size }: Direction): number[] {
  const begin = reverse ? keys.until : keys.from
  const at = begin === undefined ? tables.length : placeOf(tables, begin)
  const first: number[] = []
  let left = size === 1 ? NEXT_OF_ONE : NEXT
  for (let i = at; left > 0 && (reverse ? i >= 0 : i < tables.length); i += reverse ? -1 : 1) {
    const found = tables[i]
    if (found === undefined) continue
    // LevelDB looks there also when it has none of the keys: where it begins in whichever direction, and where it learns that there are no more
    first.push(found.table)
    if (overlap(keys, found.range)) left--
    else if (!reverse || i < at) break
  }
  return first
}

/** Where the first table is that ends with a key or behind it. */
function placeOf(tables: readonly Table[], key: Uint8Array): number {
  let low = 0
  let high = tables.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const { until } = (tables[middle] as Table).range
    if (until !== undefined && Buffer.compare(until, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
