import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { delay } from '../../../base/delay.js'
import { pause as othersTurn } from '../../../base/pause.js'
import { syncFolder } from '../sync-folder.js'
import type { Flip } from './checked-piece.js'
import { DoubtfulTables } from './doubtful-tables.js'
import { FileRoom } from './file-room.js'
import { EVERYTHING, type KeyRange, overlap } from './key-range.js'
import { checkLog } from './log-file.js'
import { type LiveTable, liveTables } from './manifest.js'
import type { BlockEntry } from './table-block.js'
import { FOOTER, tableOf } from './table-end.js'
import { checkTable, looselyBehind, looselyRead, type TableDamage, withoutLost } from './table-file.js'
import { type Direction, TableLevels } from './table-levels.js'

const TABLE = /^\d+\.(ldb|sst)$/
/** Manifests are written as logs are. */
const LOG = /^(\d+\.log|MANIFEST-\d+)$/
/** What is more than the beginning of a database that was never made. */
const CONTENT = /^\d+\.(ldb|sst|log)$/
const LOG_ONLY = /^\d+\.log$/
/** A new database gives out one for a manifest, another for its second, and one for its log. */
const FIRST_NUMBERS = 3
const MANIFEST = /^MANIFEST-\d+$/
/** A table to which nothing was added for so long is not being written, ms. */
const FRESH = 1000

/** What was put right in files, and what could not be. */
export interface Mended {
  /** Bits. */
  restored: number
  /** Parts of files that are left out, or that LevelDB leaves out. */
  lost: number
  /** Some table cannot be read at all. */
  unreadable: boolean
  /** Entries of what is left out, as far as they can be read: they need not be what was written. */
  loose: BlockEntry[]
}

export const nothingMended = (): Mended => ({ restored: 0, lost: 0, unreadable: false, loose: [] })

/** What was done first, if anything, and then. */
export function joinMended(first: Mended | undefined, then: Mended): Mended {
  if (first === undefined) return then
  return {
    restored: first.restored + then.restored,
    lost: first.lost + then.lost,
    unreadable: first.unreadable || then.unreadable,
    loose: [...first.loose, ...then.loose]
  }
}

export interface CheckOptions {
  signal?: AbortSignal | undefined
  /**
   * Called after each piece of work, with how long it took, ms.
   * @default lets others have their turn
   */
  pause?: ((worked: number) => Promise<void>) | undefined
  /** Looks at the newest tables only, as many as have so many bytes, and at those that LevelDB joins first. */
  newest?: number | undefined
}

/**
 * The files of a database, by the checksums that LevelDB writes and does not look at when it reads: its binding cannot ask for that.
 * They cover every byte, and tell which bit is wrong when it is one.
 */
export class DatabaseFiles {
  readonly path: string
  #ranges: KeyRange[] = []
  /** How long tables are, as the manifest says: LevelDB looks for the end of each there. */
  #sizes: ReadonlyMap<number, number> = new Map()
  #rooms: FileRoom[] = []
  #lying: { name: string; size: number; levels: TableLevels } | undefined
  readonly #doubtful = new DoubtfulTables(table => this.#isSound(table))

  /** @param path - the folder */
  constructor(path: string) {
    this.path = path
  }

  /**
   * Puts right what LevelDB would drop while it opens: a bit of a log or a manifest, and the name of the manifest. Changes single
   * bytes that are long written, so that it does no harm where another process has the database open.
   */
  async mendLogs(): Promise<Mended> {
    const mended = nothingMended()
    const names = await this.#names()
    if (await this.#isUnborn(names)) return mended
    for (const name of names.filter(name => LOG.test(name))) {
      const file = await read(join(this.path, name))
      const damage = file && checkLog(file)
      if (file === undefined || damage === undefined) continue
      await writeBits(join(this.path, name), file, damage.flips)
      mended.restored += damage.flips.length
      mended.lost += damage.lost
    }
    if (await this.#mendCurrent(names)) mended.restored++
    return mended
  }

  /** Whether LevelDB would begin a new database here, and delete what is left of an old one. */
  async isBeheaded(): Promise<boolean> {
    const names = await this.#names()
    if (names.includes('CURRENT') || !names.some(name => CONTENT.test(name))) return false
    return !(await this.#isUnborn(names))
  }

  /**
   * Whether the power failed while LevelDB made it: nothing was ever stored then, since nothing is before `CURRENT` is on the disk. It
   * has the numbers of its first opening only, a log without a byte, and no marks of what was stored beside it.
   */
  async #isUnborn(names: string[]): Promise<boolean> {
    if (names.includes('CURRENT') || names.some(name => TABLE.test(name))) return false
    if (names.some(name => Number.parseInt(name.replace('MANIFEST-', ''), 10) > FIRST_NUMBERS)) return false
    const marks = await sizeOf(`${this.path}.marks`)
    const logs = await Promise.all(names.filter(name => LOG_ONLY.test(name)).map(name => sizeOf(join(this.path, name))))
    return marks === undefined && logs.length > 0 && logs.every(size => size === 0)
  }

  /** To be called before it is opened: whatever there is may be damaged until somebody looked at it. */
  async doubt(): Promise<void> {
    const live = await this.#live()
    const tables = (await this.#names()).filter(name => TABLE.test(name)).map(numberOf)
    this.#doubtful.begin(live ?? new Map(tables.map(table => [table, EVERYTHING])))
  }

  /** Whether some table may be damaged that nobody looked at yet, or is. */
  get isInDoubt(): boolean {
    return this.#doubtful.size > 0
  }

  /** Whether all tables that hold any of some keys are sound. Looks at those that nobody looked at since they were in doubt. */
  areSound(wanted: readonly KeyRange[]): Promise<boolean> {
    return this.#doubtful.areSound(this.#doubtful.of(wanted))
  }

  /** The same for those that a read of some keys comes to first, one read of an iterator's. */
  async areFirstSound(keys: KeyRange, direction: Direction): Promise<boolean> {
    for (;;) {
      const levels = await this.#levels()
      const first = levels === undefined ? this.#doubtful.of([keys]) : this.#doubtful.firstOf(levels, keys, direction)
      if (first.length === 0) return true
      if (!(await this.#doubtful.areSound(first))) return false
      // once more: LevelDB may have joined some meanwhile, and would come to others
    }
  }

  /** Looks at all checksums of all tables that the database is made of; returns how many are wrong. They may be in use meanwhile. */
  async checkTables(options: CheckOptions = {}): Promise<number> {
    const ranges: KeyRange[] = []
    let pieces = 0
    for await (const { damage } of this.#tables(options)) {
      pieces += damage.pieces
      ranges.push(...damage.ranges)
    }
    this.#ranges = ranges
    return pieces
  }

  /** Whether keys between two, both inclusive, may be missing or wrong: as far as the last check knows. */
  isDoubtful(first: Uint8Array, last: Uint8Array): boolean {
    return this.#ranges.some(range => overlap(range, { from: first, until: last }))
  }

  /** Puts right all bits of tables that can be, and leaves out what cannot. Only while nobody has the database open. */
  async mendTables(options: CheckOptions = {}): Promise<Mended> {
    const mended = nothingMended()
    const ranges: KeyRange[] = []
    const isRestored = (await this.#names()).filter(name => LOG_ONLY.test(name)).length > 1
    for await (const { name, file, damage } of this.#tables(options)) {
      const { flips, lost, remade, front = [] } = damage
      mended.restored += flips.length + Number(remade !== undefined)
      if (lost === undefined || lost.data.size > 0) ranges.push(...damage.ranges)
      mended.lost += lost === undefined ? 1 : lost.data.size + Number(lost.meta)
      if (lost === undefined) {
        // a log that came back may hold what was in it
        const asked = isRestored || !this.#sizes.has(numberOf(name))
        mended.unreadable ||= asked
        mended.loose.push(...looselyBehind(file, front))
        if (asked && front.length === 0) await withoutEnd(join(this.path, name), file)
        else await replace(this.path, name, tableOf(file, front))
      } else if (lost.data.size > 0 || lost.meta) {
        mended.loose.push(...looselyRead(file, lost))
        await replace(this.path, name, withoutLost(file, lost))
      } else {
        if (remade !== undefined) await writeFrom(join(this.path, name), file, remade)
        await writeBits(join(this.path, name), file, flips)
      }
      this.#doubtful.saw(numberOf(name), false)
    }
    // what is left out is missing until it is made anew
    this.#ranges = ranges
    return mended
  }

  /** To be called when what was left out is about to be made anew, or to be found lost. */
  settle(): void {
    this.#ranges = []
  }

  /** Whether a table is sound, or gone. */
  async #isSound(table: number): Promise<boolean> {
    const room = this.#rooms.pop() ?? new FileRoom()
    try {
      for (const ending of ['ldb', 'sst']) {
        const name = `${String(table).padStart(6, '0')}.${ending}`
        const found = await this.#table(name, this.#read(name, room), {})
        if (found !== undefined) return found.damage === undefined
      }
      return true
    } finally {
      if (this.isInDoubt) this.#rooms.push(room)
      else this.#rooms = []
    }
  }

  /** Those that are damaged, each with its bits put right. */
  async *#tables({
    signal,
    pause,
    newest = Number.POSITIVE_INFINITY
  }: CheckOptions): AsyncGenerator<DamagedTable, void> {
    let left = newest
    const names = await this.#names()
    const live = await this.#live()
    // what no opening or joining finished is no part of the database
    const isPart = (name: string): boolean => live === undefined || live.has(numberOf(name))
    const levelOf = (name: string): number => live?.get(numberOf(name))?.level ?? 0
    // what LevelDB joins next comes first
    const tables = names
      .filter(name => TABLE.test(name) && isPart(name))
      .sort((a, b) => (newest === Number.POSITIVE_INFINITY ? levelOf(a) - levelOf(b) : 0) || numberOf(b) - numberOf(a))
    // LevelDB joins those of the first two levels as soon as it is opened
    const isDue = (name: string): boolean => left > 0 || levelOf(name) <= 1
    const begin = (room: FileRoom): Reading | undefined => {
      const name = tables.splice(0, tables.findIndex(isDue) + 1).at(-1)
      return name === undefined ? undefined : { name, room, file: this.#read(name, room) }
    }
    // read while the one before it is looked at, unless there is much time
    const rooms = [new FileRoom(), new FileRoom()] as const
    const isAhead = pause === undefined
    let next = begin(rooms[0])
    while (next !== undefined) {
      const { name, room, file } = next
      left -= (await file)?.length ?? 0
      signal?.throwIfAborted()
      next = isAhead ? begin(room === rooms[0] ? rooms[1] : rooms[0]) : undefined
      let table = await this.#table(name, file, { signal, pause })
      while (table?.damage !== undefined && (await this.#isFresh(name))) {
        await delay(FRESH / 4, { signal })
        table = await this.#table(name, this.#read(name, room), { signal, pause })
      }
      if (table !== undefined) this.#doubtful.saw(numberOf(name), table.damage !== undefined)
      if (table !== undefined && isDamaged(table)) yield table
      next ??= begin(room)
    }
  }

  /** What a table holds; undefined when it is gone. */
  #read(name: string, room: FileRoom): Promise<Uint8Array | undefined> {
    return room.read(join(this.path, name), this.#sizes.get(numberOf(name))).catch(() => undefined) // LevelDB says itself that it cannot be read
  }

  /** One of them as it is; undefined when it is gone. Others have their turn between the steps. */
  async #table(
    name: string,
    reading: Promise<Uint8Array | undefined>,
    { signal, pause = othersTurn }: CheckOptions
  ): Promise<Table | undefined> {
    const file = await reading
    if (file === undefined) return undefined
    const steps = checkTable(file)
    for (;;) {
      const begun = performance.now()
      const { done, value: damage } = steps.next()
      signal?.throwIfAborted()
      await pause(performance.now() - begun)
      if (done === true) return { name, file, damage: damage ?? undefined }
    }
  }

  /** Whether LevelDB may be writing it still: a table looks damaged until it is whole. */
  async #isFresh(name: string): Promise<boolean> {
    const found = await stat(join(this.path, name)).catch(() => undefined)
    return found !== undefined && Math.abs(Date.now() - found.mtimeMs) < FRESH
  }

  /** `CURRENT` names the manifest. */
  async #mendCurrent(names: string[]): Promise<boolean> {
    const current = await read(join(this.path, 'CURRENT'))
    const named = current && Buffer.from(current).toString('latin1')
    if (named?.endsWith('\n') && names.includes(named.slice(0, -1))) return false
    const [manifest, ...others] = names.filter(name => MANIFEST.test(name))
    if (manifest === undefined || others.length > 0 || !names.some(name => CONTENT.test(name))) return false
    await replace(this.path, 'CURRENT', Buffer.from(`${manifest}\n`))
    return true
  }

  /** The tables that the database is made of; undefined when nothing says it for certain. */
  async #live(): Promise<Map<number, LiveTable> | undefined> {
    const named = await this.#manifestName()
    const manifest = named === undefined ? undefined : await read(join(this.path, named))
    const live = manifest && liveTables(manifest)
    if (live !== undefined) this.#sizes = new Map([...live].map(([table, { size }]) => [table, size]))
    return live
  }

  /** How they lie: LevelDB says so in its manifest before it acts by it. Read again when that has become longer, or is another. */
  async #levels(): Promise<TableLevels | undefined> {
    const known = this.#lying
    if (known !== undefined && (await sizeOf(join(this.path, known.name))) === known.size) return known.levels
    const name = await this.#manifestName()
    const manifest = name === undefined ? undefined : await read(join(this.path, name))
    const live = manifest && liveTables(manifest)
    if (name === undefined || manifest === undefined || live === undefined) return undefined
    const levels = new TableLevels(live)
    this.#lying = { name, size: manifest.length, levels }
    return levels
  }

  async #manifestName(): Promise<string | undefined> {
    const current = await read(join(this.path, 'CURRENT'))
    const named = current && Buffer.from(current).toString('latin1').trimEnd()
    return named !== undefined && MANIFEST.test(named) ? named : undefined
  }

  async #names(): Promise<string[]> {
    return (await readdir(this.path).catch(() => [])).sort()
  }
}

interface Table {
  name: string
  /** Until the next one is read. */
  file: Uint8Array
  damage: TableDamage | undefined
}

/** A table that is being read into some room. */
interface Reading {
  name: string
  room: FileRoom
  file: Promise<Uint8Array | undefined>
}

type DamagedTable = Table & { damage: TableDamage }

const isDamaged = (table: Table): table is DamagedTable => table.damage !== undefined

const numberOf = (name: string): number => Number.parseInt(name, 10)

/** Undefined when it is gone, or cannot be read: LevelDB says so itself. */
const read = (path: string): Promise<Uint8Array | undefined> => readFile(path).catch(() => undefined)

/** Undefined when it is not there; a size that cannot be known is none. */
const sizeOf = (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ size }) => size,
    (err: NodeJS.ErrnoException) => (err.code === 'ENOENT' ? undefined : Number.NaN)
  )

/** @param file - with the bits put right */
async function writeBits(path: string, file: Uint8Array, flips: readonly Flip[]): Promise<void> {
  if (flips.length === 0) return
  const handle = await open(path, 'r+')
  try {
    for (const { at } of flips) await handle.write(file, at, 1, at)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** LevelDB, which is asked to make a database of the others, must not read what could end the process. */
const withoutEnd = (path: string, file: Uint8Array): Promise<void> =>
  writeFrom(path, file.fill(0, -FOOTER), Math.max(0, file.length - FOOTER))

/** What a file holds from a place on. */
async function writeFrom(path: string, file: Uint8Array, at: number): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.write(file, at, file.length - at, at)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** LevelDB deletes what a process that ended meanwhile left of it. */
async function replace(path: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(path, `${name.match(/\d+/)?.[0] ?? '000000'}.dbtmp`)
  try {
    await writeFile(temporary, bytes, { flush: true })
    await rename(temporary, join(path, name))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(path)
}
