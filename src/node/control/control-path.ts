import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { lstat, mkdtemp, rmdir, stat, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, normalize } from 'node:path'
import type { DataDir } from '../data-dir/data-dir.js'
import { readIfThere, writePrivateFile } from '../data-dir/private-file.js'
import { ControlError } from './control-line.js'

/** A socket address holds 104 to 108 bytes; longer paths are cut without an error on some systems. */
const MAX_SOCKET_PATH_BYTES = 100

const TEMP_PREFIX = 'waku-mailserver-'
const SOCKET_NAME = 'control.sock'
/** What `mkdtemp` puts behind the prefix. */
const TEMP_NAME = new RegExp(`^${TEMP_PREFIX}[A-Za-z0-9]{6}$`)

/**
 * Where a running node of this data dir listens, or would; undefined when it would need a path that is not recorded.
 * @throws ControlError when what is there belongs to somebody else: keys and passwords go through this socket
 */
export async function findControlPath(dir: DataDir): Promise<string | undefined> {
  if (process.platform === 'win32') return pipeName(dir)
  const owner = (await stat(dir.path)).uid
  if (fits(dir.controlSocket)) {
    await checkSocket(dir.controlSocket, owner)
    return dir.controlSocket
  }
  const named = (await readIfThere(dir.control))?.trim()
  if (named === undefined || named === '') return undefined
  if (!isTemporary(named)) throw new ControlError(`${dir.control} does not name a control socket: remove that file`)
  await checkFolder(dirname(named), owner)
  await checkSocket(named, owner)
  return named
}

/**
 * A path that nothing listens on: what a killed process left is removed, so call it only when this process holds the data dir.
 * Where the data dir's own path is too long, a folder for the owner only in the temporary directory holds the socket.
 * @throws ControlError when there is no folder for it
 */
export async function claimControlPath(dir: DataDir): Promise<string> {
  if (process.platform === 'win32') return pipeName(dir)
  await releaseControlPath(dir)
  if (fits(dir.controlSocket)) return dir.controlSocket
  const folder = await makeFolder()
  const path = join(folder, SOCKET_NAME)
  try {
    await writePrivateFile(dir.control, `${path}\n`)
  } catch (err) {
    await rmdir(folder)
    throw err
  }
  return path
}

/** Removes the socket and what named it; nothing that this program did not make. */
export async function releaseControlPath(dir: DataDir): Promise<void> {
  if (process.platform === 'win32') return
  if (fits(dir.controlSocket)) return unlinkIfThere(dir.controlSocket)
  const named = (await readIfThere(dir.control))?.trim()
  if (named === undefined) return
  const folder = await statIfThere(dirname(named))
  if (isTemporary(named) && folder !== undefined && isPrivate(folder, process.getuid?.())) {
    await unlinkIfThere(named)
    await rmdir(dirname(named)).catch(() => {}) // something else lies there, which is not ours
  }
  await unlinkIfThere(dir.control)
}

/** In the temporary directory of the environment, or that of the system where the former is no place for a socket. */
async function makeFolder(): Promise<string> {
  const reasons: string[] = []
  for (const base of new Set([tmpdir(), '/tmp'])) {
    if (!fits(join(base, `${TEMP_PREFIX}123456`, SOCKET_NAME))) {
      reasons.push(`${base} is too long`)
      continue
    }
    try {
      return await mkdtemp(join(base, TEMP_PREFIX))
    } catch (err) {
      reasons.push(`${base}: ${(err as NodeJS.ErrnoException).code}`)
    }
  }
  throw new ControlError(
    `the path of the data dir is too long for a control socket, and there is no other place for it (${reasons.join('; ')}): ` +
      'set TMPDIR to a short folder, or choose a shorter --data-dir'
  )
}

/** Whether a path is exactly one that `claimControlPath` makes, without a way around. */
function isTemporary(path: string): boolean {
  const folder = dirname(path)
  const plain = path.startsWith('/') && normalize(path) === path && fits(path)
  return plain && basename(path) === SOCKET_NAME && TEMP_NAME.test(basename(folder))
}

async function checkFolder(path: string, owner: number): Promise<void> {
  const found = await statIfThere(path)
  if (found === undefined || isPrivate(found, owner)) return
  throw new ControlError(
    `${path} is not a folder of the data dir's owner alone (0700): no control socket there is trusted; who made it?`
  )
}

async function checkSocket(path: string, owner: number): Promise<void> {
  const found = await statIfThere(path)
  if (found === undefined || (found.isSocket() && found.uid === owner)) return
  throw new ControlError(`${path} is not a socket of the data dir's owner: it is not trusted; who made it?`)
}

/** A folder, no link to one, that its owner alone may enter. */
function isPrivate(found: Stats, owner: number | undefined): boolean {
  return found.isDirectory() && found.uid === owner && (found.mode & 0o777) === 0o700
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT' || err.code === 'ENOTDIR') return undefined
    throw new ControlError(`cannot look at ${path}: ${err.code}`)
  })
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES
}

function pipeName(dir: DataDir): string {
  return `\\\\.\\pipe\\${TEMP_PREFIX}${createHash('sha256').update(dir.path).digest('hex').slice(0, 32)}`
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((err: NodeJS.ErrnoException) => {
    if (err.code !== 'ENOENT') throw err
  })
}
