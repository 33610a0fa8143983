import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, openDatabase } from '../../archive/database/database.js'
import { DataDirLockedError } from '../../archive/errors.js'
import type { DataDir } from './data-dir.js'
import { FileError } from './file-trouble.js'
import { giveToOwner } from './ownership.js'

/**
 * Opens the one database of a data dir, which no other process may have open; its folder is for the owner only (0700), and so
 * are its files (0600). They stay those of the folder's owner, also where root opens it. Throws `DataDirLockedError`, `FileError`.
 */
export async function openStore(
  dir: DataDir,
  options: { salvage?: boolean; check?: boolean; now?: () => number } = {}
): Promise<Database> {
  if (process.platform !== 'win32') {
    await keepPrivate(dir.database).catch(err => {
      throw new FileError('write', dir.database, err)
    })
  }
  try {
    const database = await openDatabase(dir.database, options)
    // in the beginning too, for what is killed before its end
    await giveToOwner(dir.path)
    return {
      ...database,
      async close() {
        await database.close()
        await giveToOwner(dir.path)
      }
    }
  } catch (err) {
    if ((err as Error).name !== DataDirLockedError.name) throw err
    throw new DataDirLockedError(
      `another process uses this data dir: ${dir.path}; stop it first, or name another with --data-dir`,
      { cause: err }
    )
  }
}

/** LevelDB makes folder and files as the umask lets it, and earlier versions left it at 022: what is there is mended. */
async function keepPrivate(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch(ignore('EEXIST'))
  await restrict(folder, 0o700)
  for (const name of await readdir(folder)) await restrict(join(folder, name), 0o600)
}

async function restrict(path: string, mode: number): Promise<void> {
  try {
    if (((await stat(path)).mode & 0o777) !== mode) await chmod(path, mode)
  } catch (err) {
    // another process may have it open and delete files; some file systems know no modes; what matters is found out at opening
    ignore('ENOENT', 'EPERM', 'ENOTSUP')(err as NodeJS.ErrnoException)
  }
}

function ignore(...codes: string[]): (err: NodeJS.ErrnoException) => undefined {
  return err => {
    if (err.code === undefined || !codes.includes(err.code)) throw err
    return undefined
  }
}
