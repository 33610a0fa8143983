import { ClassicLevel, type DatabaseOptions } from 'classic-level'
import { LevelDatastore } from 'datastore-level'
import { checkNames, checkSettings, checkString } from '../../wire/checks.js'
import { ArchiveError, ArchiveFormatError, DataDirLockedError, rootMessage } from '../errors.js'
import { IngestMarks } from '../level/ingest-marks.js'
import { LevelArchive, type LevelArchiveInit } from '../level/level-archive.js'
import { RefusedTimes } from '../level/refused-times.js'
import { DiskReserve } from './disk-reserve.js'
import { FileCheck } from './file-check.js'
import { DatabaseFiles, joinMended, type Mended } from './files/database-files.js'
import { isUnreadable } from './level-store.js'
import { RecordsLevel } from './records-level.js'
import { SteadyLevel, type SteadyLevelInit } from './steady-level.js'

/** The one database of a data directory. */
export interface Database {
  /** The node's own records: sublevel `ds`. Open. */
  datastore: LevelDatastore
  /** Sublevel `a`. */
  archive: LevelArchive
  /** When the files were looked through for the first time since it was opened: the number of their parts that are damaged. */
  checked: Promise<number>
  /** Finishes what was accepted and releases the directory. */
  close(): Promise<void>
}

// Measured with millions of envelopes: without compression (envelopes are ciphertext) and with larger buffers than LevelDB's
// own ingest is half as fast again, and the slowest batch takes a tenth. LevelDB ends a file where the next key is ten files
// further on in the level below: in an archive of a million, files of 16 MB made it join what is new in one table with all that
// is old in the next one, which was 9 MB written for each MB stored; with 8 MB it is 5, with these 4. As many files as hold
// 8 GB stay open; LevelDB maps them or keeps to a fifth of the process' descriptors. Blocks stay at LevelDB's 4 KiB: with 16 an archive
// takes 1 % less of the disk, but what is damaged by more than a bit is lost with thirty envelopes instead of seven.
export const LEVEL_OPTIONS: DatabaseOptions<Uint8Array, Uint8Array> = {
  keyEncoding: 'view',
  valueEncoding: 'view',
  compression: false,
  cacheSize: 64 * 1024 * 1024,
  writeBufferSize: 32 * 1024 * 1024,
  maxFileSize: 4 * 1024 * 1024,
  maxOpenFiles: 2000
}

/** Bytes that no key has, or more. */
const LONGEST_KEY = 64

/** A manifest that is gone is told as any file. */
const SPOILED = /corrupt|MANIFEST-\d+: no such file/i

/** What this user may not read, or not now, is not damaged: LevelDB would put it aside as lost. */
const FORBIDDEN = /permission denied|not permitted|read-only file system|too many open files/i

/** What to do, by what LevelDB says. */
const REMEDIES: [why: RegExp, remedy: string][] = [
  [/permission denied/i, '; give its files to this user again (chown -R)'],
  [/read-only file system/i, '; mount its file system for writing']
]

/** The pauses are those between attempts to store again after a failed write; the clock is that of a new archive. */
type OpenOptions = Pick<SteadyLevelInit, 'minPause' | 'maxPause' | 'newest' | 'onMended'> &
  Pick<LevelArchiveInit, 'now'> & {
    /** Looks through the files soon after, and again and again, and mends them. True when absent. */
    check?: boolean | undefined
    /** @default an hour, ms */
    checkEvery?: number | undefined
  }

export interface Salvage {
  /** When it does not open since it is damaged, LevelDB keeps what can be read; the archive needs a repair then. */
  salvage?: boolean | undefined
}

/** One of each type. */
const TYPES = { salvage: true, check: true, checkEvery: 1, minPause: 1, maxPause: 1, now: Date.now }

/**
 * Opens the database at a path, or creates it. Node only.
 * @throws DataDirLockedError when another process has it open
 * @throws ArchiveError when it cannot be opened for another reason
 * @throws ArchiveFormatError when its archive was written by a version this one does not know
 * @throws TypeError for an option that is none, or of another type
 */
export async function openDatabase(path: string, given: OpenOptions & Salvage = {}): Promise<Database> {
  checkNames(given, 'openDatabase()', 'salvage check checkEvery now newest minPause maxPause', TypeError)
  checkString(path, 'the path of a database', TypeError, { filled: true })
  checkSettings(given, TYPES, TypeError)
  const { salvage = false, ...options } = given
  const before: Mended[] = []
  try {
    return await open(path, { ...options, onMended: mended => void before.push(mended) })
  } catch (error) {
    if (!isMendable(error) || FORBIDDEN.test((error as Error).message)) throw error
    const files = new DatabaseFiles(path)
    if (!salvage) {
      const spoiled = SPOILED.test((error as Error).message) || (await files.checkTables()) > 0
      if (!spoiled) throw error
      throw new ArchiveError(`${(error as Error).message}; "waku-mailserver repair" may mend it`, { cause: error })
    }
    const reserve = new DiskReserve(`${path}.reserve`)
    await reserve.load()
    const mended = await reserve.lend(() => files.mendTables())
    const database = await open(path, options).catch(async () => {
      await reserve.load()
      await reserve.lend(() => salvageFiles(path))
      return open(path, options)
    })
    await database.archive.tellMended([...before, mended].reduce(joinMended))
    return database
  }
}

/** Whether damage may be why it does not open. */
function isMendable(error: unknown): boolean {
  return isUnreadable(error) || error instanceof ArchiveFormatError || error instanceof BeheadedError
}

async function open(path: string, { now, check = true, checkEvery, ...init }: OpenOptions): Promise<Database> {
  const reserve = new DiskReserve(`${path}.reserve`)
  const level = await SteadyLevel.open({
    path,
    reserve,
    open: () => openLevel(path),
    salvage: () => salvageFiles(path),
    isFree: () => isFree(path),
    ...init
  })
  try {
    const datastore = new LevelDatastore(new RecordsLevel(level).asLevel)
    await datastore.open()
    // Keys that carry the prefix of sublevel `a` themselves: half as fast again as through the sublevel.
    const marks = new IngestMarks(`${path}.marks`)
    const archive = await LevelArchive.open({ db: level, marks, refused: new RefusedTimes(`${path}.refused`), now })
    level.onWritable = () => void archive.tellWritable()
    level.onMended = mended => archive.tellMended(mended)
    const { tables } = level.opened // the archive took what there was when it looked whether anything is lost
    if (tables !== undefined) await archive.tellMended(tables)
    await level.settle()
    if (reserve.trouble !== undefined)
      archive.say(`nothing is kept back for a full disk: ${reserve.trouble}; remove it, and start again`)
    const looks: FileCheck | undefined = check
      ? new FileCheck(options => archive.checkFiles(options), { every: checkEvery })
      : undefined
    archive.onDamaged = () => {
      level.doubt()
      looks?.hurry()
    }
    return {
      datastore,
      archive,
      checked: looks?.first ?? Promise.resolve(0),
      async close() {
        await looks?.stop()
        await archive.close()
        await level.close()
      }
    }
  } catch (error) {
    await level.close()
    throw error
  }
}

async function openLevel(path: string): Promise<ClassicLevel<Uint8Array, Uint8Array>> {
  if (await new DatabaseFiles(path).isBeheaded())
    throw new BeheadedError(`the database at ${path} is corrupt: its file CURRENT is missing`)
  const level = new ClassicLevel<Uint8Array, Uint8Array>(path, LEVEL_OPTIONS)
  try {
    await level.open()
    return level
  } catch (error) {
    if (isLocked(error)) throw new DataDirLockedError(`another process uses ${path}`, { cause: error })
    const reason = rootMessage(error as Error)
    const remedy = REMEDIES.find(([why]) => why.test(reason))?.[1] ?? ''
    throw new ArchiveError(`the database at ${path} cannot be opened: ${reason}${remedy}`, { cause: error })
  }
}

/**
 * LevelDB puts all tables that it can read, and one for each log, in one level, where it takes what stands in the table with the highest
 * number for what is newest. That need not be so until they are joined, which goes by what was written when.
 */
async function salvageFiles(path: string): Promise<void> {
  await ClassicLevel.repair(path)
  const level = await openLevel(path)
  try {
    await level.compactRange(new Uint8Array(0), new Uint8Array(LONGEST_KEY).fill(0xff))
  } finally {
    await level.close()
  }
}

/** Takes LevelDB's lock for a moment: it looks at nothing else where there must not be a database. */
async function isFree(path: string): Promise<boolean> {
  const level = new ClassicLevel(path, { createIfMissing: false, errorIfExists: true })
  try {
    await level.open()
    await level.close()
    return true
  } catch (error) {
    return !isLocked(error)
  }
}

/** LevelDB would begin a new database, and delete what is left of the old one. */
class BeheadedError extends ArchiveError {}

function isLocked(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ('code' in cause && cause.code === 'LEVEL_LOCKED') return true
  return false
}
