import { type Database, openDatabase } from '../archive/database.js'
import { DataDirLockedError } from '../archive/errors.js'
import type { DataDir } from './data-dir.js'

/** Opens the one database of a data dir, which no other process may have open. Throws `DataDirLockedError`. */
export async function openStore(dir: DataDir): Promise<Database> {
  try {
    return await openDatabase(dir.database)
  } catch (err) {
    if ((err as Error).name !== DataDirLockedError.name) throw err
    throw new DataDirLockedError(`another process uses this data dir: ${dir.path}`, { cause: err })
  }
}
