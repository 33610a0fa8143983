import { dirname } from 'node:path'
import type { ClassicLevel } from 'classic-level'
import { DataDirLockedError } from '../errors.js'
import type { DiskReserve } from './disk-reserve.js'
import { type CheckOptions, DatabaseFiles, type Mended } from './files/database-files.js'
import type { Opened } from './level-store.js'
import { syncFolder } from './sync-folder.js'
import { UncleanEnds } from './unclean-ends.js'

export type Level = ClassicLevel<Uint8Array, Uint8Array>

export interface OpeningInit {
  /** The folder of the database. */
  path: string
  reserve: DiskReserve
  /** Opens LevelDB there. */
  open(): Promise<Level>
  /** Has LevelDB make a database that opens out of what it can read there. */
  salvage(): Promise<void>
  /** Whether nobody has it open. */
  isFree(): Promise<boolean>
  /**
   * Bytes of the newest tables that are looked at before it is opened.
   * @default 33_554_432 (32 MiB) where it was closed, 67_108_864 where it was not, and all after the second time of that
   */
  newest?: number | undefined
  /** Told what was left out of tables before it was opened, where it may not open. */
  onMended?: ((mended: Mended) => void) | undefined
}

/**
 * LevelDB begins to join its newest tables when it is opened, also after it was closed: what its log held makes one more each time. What is
 * damaged gets a new checksum then, and keys that are out of order end the process. So many bytes of them are looked at before.
 */
const NEWEST = 64 * 1024 * 1024
/** What the log can hold: an archive of millions is to open in a quarter of a second. */
const NEWEST_CLOSED = 32 * 1024 * 1024
/** After so many ends in a row at which it was not closed, all tables are. */
const DOUBTFUL_ENDS = 2
/** A database that was opened, and what is known of it. */
export interface SoundOpening {
  level: Level
  files: DatabaseFiles
  ends: UncleanEnds
  /** What had to be put right before. */
  opened: Opened
  /** Why it could only be opened with the room of the reserve. */
  full?: Error | undefined
}

/**
 * Opens a database of which LevelDB may read what it joins first: that was looked at, and mended. On a full disk with what was reserved.
 * @throws DataDirLockedError
 */
export async function openSound(init: OpeningInit): Promise<SoundOpening> {
  const { reserve, path } = init
  await reserve.load()
  const files = new DatabaseFiles(path)
  const opened: Opened = { logs: await files.mendLogs() }
  const ends = new UncleanEnds(`${path}.open`)
  const before = await ends.count()
  const newest = before < DOUBTFUL_ENDS ? (init.newest ?? (before === 0 ? NEWEST_CLOSED : NEWEST)) : undefined
  await files.doubt()
  let full: Error | undefined
  const onFull = (error: Error): void => {
    full ??= error
  }
  if ((await files.checkTables({ newest })) > 0 && (await init.isFree())) {
    opened.tables = await reserve.lend(() => mendUnopened(init, files, { newest }), onFull)
    init.onMended?.(opened.tables)
  }
  files.settle() // nobody reads before it is made anew
  await ends.set(newest === undefined ? 1 : before + 1)
  let level: Level
  try {
    level = await reserve.lend(() => init.open(), onFull)
  } catch (error) {
    if (error instanceof DataDirLockedError) await ends.set(before)
    throw error
  }
  await syncFolders(path)
  return { level, files, ends, opened, full }
}

/**
 * LevelDB names its manifest anew in each opening, by a rename that it does not sync: without this a power cut brings back the manifest
 * before, which in a new database was never synced itself. Nor does it sync where it makes its folder.
 */
export async function syncFolders(path: string): Promise<void> {
  await syncFolder(path)
  await syncFolder(dirname(path))
}

/** While nobody has it open. */
export async function mendUnopened(
  init: Pick<OpeningInit, 'salvage'>,
  files: DatabaseFiles,
  options?: CheckOptions
): Promise<Mended> {
  const mended = await files.mendTables(options)
  if (mended.unreadable) await init.salvage()
  return mended
}
