import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ArchiveClosedError, ArchiveError, rootMessage } from '../errors.js'
import { ClassicStore } from './classic-store.js'
import { DamagedTableError, isCorrupt } from './damaged-table.js'
import { isFull } from './disk-reserve.js'
import {
  type CheckOptions,
  type DatabaseFiles,
  joinMended,
  type Mended,
  nothingMended
} from './files/database-files.js'
import { EVERYTHING, type KeyRange } from './files/key-range.js'
import { LevelGate } from './level-gate.js'
import type { LevelIterator, LevelOperations, LevelReadOptions, LevelStore, Opened } from './level-store.js'
import {
  type Level,
  mendUnopened,
  type OpeningInit,
  openSound,
  type SoundOpening,
  syncFolders
} from './sound-opening.js'
import type { UncleanEnds } from './unclean-ends.js'

export interface SteadyLevelInit extends OpeningInit {
  /**
   * Pause before the first attempt to write again, ms; doubles up to `maxPause`.
   * @default 500
   */
  minPause?: number | undefined
  /** @default 10_000 */
  maxPause?: number | undefined
}

/** Room for what LevelDB writes beside its logs, and for one table that is made anew. */
const SLACK = 8 * 1024 * 1024
/** Between two times at which all tables are looked at anew for what somebody met, ms. */
const APART = 600 * 1000
/** Batches between two looks at how large the logs are. */
const LOOK = 128
/** Deleting what is not there is a write as any other. */
const PROBE = Uint8Array.of(0)

/**
 * A LevelDB that is opened again after a failed write: until then it would take nothing more, or append to a log whose end is torn, which
 * loses what follows. Opening writes what the logs hold into tables, so it is only tried when there is room for that: a database
 * that is open can at least be read. Reads wait while it is opened.
 */
export class SteadyLevel implements LevelStore {
  readonly #init: SteadyLevelInit
  readonly #files: DatabaseFiles
  readonly #ends: UncleanEnds
  readonly opened: Opened
  readonly #gate = new LevelGate()
  readonly #closing = new AbortController()
  #level: Level
  #store: ClassicStore
  /** Why nothing may be stored. */
  #trouble: Error | undefined
  /** No write before it is opened again. */
  #torn = false
  /** Something that frees room, or mends, is under way. */
  #scarce = false
  #batches = 0
  /** When a reader met damage; and, until all tables are in doubt for that, a promise of it. */
  #doubted = Number.NEGATIVE_INFINITY
  #doubting: Promise<void> | undefined
  #pause: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #work: Promise<unknown> = Promise.resolve()
  /** Told when what is written can be stored again. */
  onWritable: () => void = () => {}
  /** Told what was found in tables, and put right, once it is open; until somebody listens it is put with what was found before. */
  onMended: (mended: Mended) => Promise<void> = async mended => {
    this.opened.tables = joinMended(this.opened.tables, mended)
  }

  private constructor(init: SteadyLevelInit, { level, opened, ends, files, full }: SoundOpening) {
    this.#init = init
    this.#files = files
    this.#ends = ends
    this.opened = opened
    this.#pause = init.minPause ?? 500
    this.#level = level
    this.#store = new ClassicStore(level)
    this.#trouble = full
  }

  /** Opens it, on a full disk with what was reserved. */
  static async open(init: SteadyLevelInit): Promise<SteadyLevel> {
    return new SteadyLevel(init, await openSound(init))
  }

  /** To be called when the first things were written: takes the reserve. */
  async settle(): Promise<void> {
    const whole = await this.#reserve()
    if (this.#trouble === undefined) return
    if (!whole || this.#torn) return this.#later()
    this.#trouble = undefined
    this.onWritable()
  }

  get trouble(): Error | undefined {
    return this.#trouble
  }

  async batch(operations: LevelOperations, options: { sync: boolean }): Promise<void> {
    await this.write(() => this.#store.batch(operations, options))
    if (++this.#batches % LOOK === 0) void this.#serially(() => this.#reserve()).catch(() => {})
  }

  getMany(keys: Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.read(
      () => this.#store.getMany(keys),
      () => keys.map(key => ({ from: key, until: key }))
    )
  }

  iterator(options: LevelReadOptions): LevelIterator {
    return this.#gate.iterator(
      () => this.#store.iterator(options),
      async (size, last) => {
        if (this.#doubting !== undefined) await this.#doubting
        if (!this.#files.isInDoubt) return
        const begin = 'gte' in options ? options.gte : options.gt
        const { lt, reverse } = options
        const keys = reverse === true ? { from: begin, until: last ?? lt } : { from: last ?? begin, until: lt }
        const sound = () => this.#files.areFirstSound(keys, { reverse, size })
        if (last === undefined) await this.#mended(sound)
        else if (!(await sound())) {
          // it cannot be mended while this iterator is there
          void this.#mended(sound).catch(() => {})
          throw this.#damaged()
        }
      },
      () => this.#doubting !== undefined || this.#files.isInDoubt
    )
  }

  compactRange(start: Uint8Array, end: Uint8Array): Promise<void> {
    return this.read(
      () => this.#store.compactRange(start, end),
      () => [{ from: start, until: end }]
    )
  }

  /** @param wanted - which keys are read. @throws ArchiveError when they lie in what is damaged, and cannot be mended now */
  async read<T>(
    work: (level: Level) => Promise<T>,
    wanted: () => readonly KeyRange[] = () => [EVERYTHING]
  ): Promise<T> {
    if (this.#doubting !== undefined) await this.#doubting
    if (this.#files.isInDoubt) await this.#looked(wanted)
    return this.#gate.pass(() => work(this.#level))
  }

  /** @throws what an earlier write failed by, until it is opened again */
  write<T>(work: (level: Level) => Promise<T>): Promise<T> {
    return this.#gate.pass(async () => {
      if (this.#torn) throw this.#trouble
      try {
        return await work(this.#level)
      } catch (error) {
        const told = isFull(error) ? await this.#withRoomNeeded(error as Error) : (error as Error)
        this.#fail(told)
        throw told
      }
    })
  }

  /** The same error, and how much has to be freed. */
  async #withRoomNeeded(error: Error): Promise<Error> {
    const { reserve } = this.#init
    // what is kept back goes on being kept
    const bytes = Math.max(reserve.size, await this.#logBytes()) + SLACK
    const lacks = await reserve.lacks(bytes).catch(() => 0)
    if (lacks <= 0) return error
    const text = `${rootMessage(error)}: ${Math.ceil(lacks / 2 ** 20)} MiB have to be freed`
    return Object.assign(new ArchiveError(text), 'code' in error ? { code: error.code } : {})
  }

  /** Gives the reserve to what frees room. False when there is no need. @throws ArchiveError when it is not enough */
  makeRoom(): Promise<boolean> {
    return this.#serially(async () => {
      if (this.#trouble === undefined) return false
      const { reserve } = this.#init
      this.#scarce = true
      if (!this.#torn) return true
      const needed = await this.#logBytes()
      const had = reserve.size
      if (had < needed && !(await reserve.grow(needed))) {
        const missing = Math.ceil((needed - had) / 2 ** 20)
        throw new ArchiveError(
          `the disk is full (${rootMessage(this.#trouble)}): ${missing} MiB have to be freed before anything can be deleted or repaired`
        )
      }
      await this.#reopenSound()
      return true
    })
  }

  /** To be called when room may have been made. */
  async roomMade(): Promise<void> {
    await this.#serially(() => {
      this.#scarce = false
      return this.#recover()
    })
  }

  checkFiles(options?: CheckOptions): Promise<number> {
    return this.#files.checkTables(options)
  }

  isDoubtful(first: Uint8Array, last: Uint8Array): boolean {
    return this.#files.isDoubtful(first, last)
  }

  /** To be called when a reader met damage: no table is read any more, or joined at somebody's wish, that nobody looked at since. */
  doubt(): void {
    const now = performance.now()
    if (now - this.#doubted < APART) return
    this.#doubted = now
    this.#doubting = this.#files.doubt().finally(() => {
      this.#doubting = undefined
    })
  }

  settled(): void {
    this.#files.settle()
  }

  mendFiles(): Promise<Mended> {
    return this.#serially(async () => {
      // opening it again takes room, and time
      if ((await this.#files.checkTables()) === 0) return nothingMended()
      try {
        return await this.#mend()
      } catch (error) {
        this.#fail(error as Error)
        throw error
      }
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#timer)
    await this.#work
    await this.#level.close()
    await this.#ends.set(0)
  }

  #fail(error: Error): void {
    this.#trouble ??= error
    this.#torn = true
    this.#later()
  }

  #later(): void {
    if (this.#timer !== undefined || this.#closing.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#serially(() => this.#recover())
    }, this.#pause)
    this.#timer.unref()
    this.#pause = Math.min(this.#pause * 2, this.#init.maxPause ?? 10_000)
  }

  /** Never rejects; what it could not do is tried again. */
  async #recover(): Promise<void> {
    if (this.#trouble === undefined || this.#closing.signal.aborted) return
    try {
      if (!(await this.#reserve())) return this.#later()
      if (this.#torn) {
        await this.#reopenSound()
        await this.#level.del(PROBE, { sync: true })
        if (!(await this.#reserve())) return this.#later()
      }
      this.#trouble = undefined
      this.#pause = this.#init.minPause ?? 500
      this.onWritable()
    } catch (error) {
      this.#trouble = error as Error
      this.#torn = true
      this.#later()
    }
  }

  /** Has tables looked at before LevelDB reads them for the first time, and mends what is damaged. */
  async #looked(wanted: () => readonly KeyRange[]): Promise<void> {
    if (this.#files.isInDoubt) await this.#mended(() => this.#files.areSound(wanted()))
  }

  async #mended(isSound: () => Promise<boolean>): Promise<void> {
    if (await isSound()) return
    await this.#serially(async () => {
      if (await isSound()) return
      const damaged = this.#damaged()
      // it is mended when there is room again
      if (this.#trouble !== undefined) throw damaged
      try {
        await this.#mendAndTell()
      } catch (error) {
        damaged.cause = error
        this.#fail(damaged)
        throw damaged
      }
    })
  }

  #damaged(): DamagedTableError {
    return new DamagedTableError(
      `tables of the database at ${this.#init.path} are damaged; "waku-mailserver repair" mends them`
    )
  }

  async #reopenSound(): Promise<void> {
    if (isCorrupt(this.#trouble)) await this.#mendAndTell()
    else await this.#reopen()
  }

  async #mendAndTell(): Promise<void> {
    const mended = await this.#mend()
    void this.onMended(mended).catch(() => {}) // then a repair finds it
  }

  async #mend(): Promise<Mended> {
    const found: Mended[] = []
    await this.#reopen(async () => void found.push(await mendUnopened(this.#init, this.#files)))
    return found[0] as Mended
  }

  /** With the room of the reserve. Reads wait. @param mend - done while nobody has it open */
  #reopen(mend = async (): Promise<void> => {}): Promise<void> {
    return this.#gate.shut(async () => {
      await this.#init.reserve.release()
      await this.#level.close()
      await mend()
      this.#level = await this.#init.open()
      this.#store = new ClassicStore(this.#level)
      await syncFolders(this.#init.path)
      this.#torn = false
    })
  }

  /**
   * Whether it is as large as opening again needs. Where it is not nothing is stored: what was kept back is for who makes room on a full
   * disk, and is not to be used up by what comes in.
   */
  async #reserve(): Promise<boolean> {
    if (this.#closing.signal.aborted) return false
    const { reserve } = this.#init
    const logs = await this.#logBytes()
    if (await reserve.grow(logs + SLACK)) return true
    // less is better than nothing, unless it would be taken from what makes room
    if (!this.#scarce && this.#trouble !== undefined) await reserve.grow(logs + SLACK / 2)
    return false
  }

  async #logBytes(): Promise<number> {
    const { path } = this.#init
    let bytes = 0
    for (const name of await readdir(path).catch(() => [])) {
      if (!name.endsWith('.log')) continue
      bytes += await stat(join(path, name)).then(
        ({ size }) => size,
        () => 0
      )
    }
    return bytes
  }

  #serially<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#work.then(() => {
      if (this.#closing.signal.aborted) throw new ArchiveClosedError()
      return task()
    })
    this.#work = done.catch(() => {})
    return done
  }
}
