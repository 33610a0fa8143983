import { randomBytes } from 'node:crypto'
import { type FileHandle, link, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder } from '../../archive/database/sync-folder.js'
import { FileError } from './file-trouble.js'

/**
 * Writes a file that only its owner may read (0600): whoever looks finds either all of it or none of it, also after a crash.
 * With `exclusive` an existing file is left alone.
 * @returns whether this call wrote it
 * @throws FileError
 */
export async function writePrivateFile(
  path: string,
  text: string,
  options: { exclusive?: boolean } = {}
): Promise<boolean> {
  try {
    return await write(path, text, options)
  } catch (err) {
    throw new FileError('write', path, err)
  }
}

async function write(path: string, text: string, options: { exclusive?: boolean }): Promise<boolean> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`
  await withFile(draft, 'wx', async file => {
    await file.writeFile(text)
    // a password that root changed is still to be read by the node that runs as the folder's owner
    if (process.geteuid?.() === 0) {
      const { uid, gid } = await stat(dirname(path))
      if (uid !== 0) await file.chown(uid, gid)
    }
    await file.sync()
  })
  try {
    if (options.exclusive === true) await link(draft, path)
    else await rename(draft, path)
  } catch (err) {
    if (options.exclusive === true && (err as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw err
  } finally {
    await unlink(draft).catch(() => {}) // after a rename there is none
  }
  await syncFolder(dirname(path))
  return true
}

/** The file's text, or undefined when there is none. @throws FileError */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new FileError('read', path, err)
  }
}

async function withFile(path: string, flags: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, 0o600)
  try {
    await use(file)
  } finally {
    await file.close()
  }
}
