import { access, mkdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { syncFolder } from '../../archive/database/sync-folder.js'
import { FileError, fileTrouble, remedyOf } from './file-trouble.js'

/** The data dir cannot be made or used; the message says why. */
export class DataDirError extends Error {
  static override readonly name = 'DataDirError'
  override readonly name = 'DataDirError'
}

/** The places inside one data dir: one peer, one process. */
export interface DataDir {
  /** Absolute. */
  readonly path: string
  /** The Level database: the node's records, and the archive. */
  readonly database: string
  /** The secp256k1 private key that the peer id stands for. */
  readonly identity: string
  /** The mailserver password. */
  readonly password: string
  /** The token that the admin listener asks for. */
  readonly adminToken: string
  /** The certificate of WebRTC-direct and its key, where it was asked for. */
  readonly webrtc: string
  /** Names the control socket when it could not be put here. */
  readonly control: string
  /** The control socket. */
  readonly controlSocket: string
  /** Others than the owner may read it. */
  readonly open: boolean
}

/** Makes the folder if there is none, for its owner only (0700). Throws `DataDirError`. */
export async function openDataDir(path: string): Promise<DataDir> {
  const root = resolve(path)
  try {
    // what is confirmed later is in it: it survives a power cut too
    for (const made of await makeFolder(root)) await syncFolder(dirname(made))
    return await dirAt(root)
  } catch (err) {
    throw unusable(root, err)
  }
}

/** One that is there already, made by a node or a client; makes nothing. Throws `DataDirError`. */
export async function findDataDir(path: string): Promise<DataDir> {
  const root = resolve(path)
  let dir: DataDir
  try {
    dir = await dirAt(root)
  } catch (err) {
    const missing = (err as NodeJS.ErrnoException).code === 'ENOENT'
    throw missing ? new DataDirError(`there is no data dir ${root}: ${WHICH}`) : unusable(root, err)
  }
  if ((await isThere(dir.identity)) || (await isThere(dir.database))) return dir
  throw new DataDirError(`${root} is no data dir: it has neither identity nor archive; ${WHICH}`)
}

/**
 * Refuses the data dir of a node: who posts or asks is a peer of its own, and would be that node. Throws `DataDirError`.
 *
 * @param isOwned whether its store says that a node was here
 */
export async function refuseNodes(dir: DataDir, isOwned: () => Promise<boolean> = async () => false): Promise<void> {
  const marks = [dir.password, dir.adminToken, dir.control, dir.controlSocket]
  const found = await Promise.all(marks.map(isThere))
  if (!found.includes(true) && !(await isOwned())) return
  throw new DataDirError(
    `${dir.path} is the data dir of a node: post and request are peers of their own, name another with --data-dir`
  )
}

const WHICH = 'name one with --data-dir; start, post and request make new ones'

/** Whether there is something of that name. @throws FileError when this user cannot know */
export async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw new FileError('read', path, err)
  }
}

/**
 * Makes a folder and those above it, one by one: Node's recursive `mkdir` tries for ever where the system says that what is to be made is not
 * there, as below /proc. Returns those that were made, the innermost first.
 */
async function makeFolder(path: string): Promise<string[]> {
  if (await isThere(path)) return []
  const above = await makeFolder(dirname(path))
  try {
    await mkdir(path, { mode: 0o700 })
    return [path, ...above]
  } catch (err) {
    // another process made it meanwhile
    if ((err as NodeJS.ErrnoException).code === 'EEXIST') return above
    throw err
  }
}

async function dirAt(root: string): Promise<DataDir> {
  const found = await stat(root)
  if (!found.isDirectory()) throw Object.assign(new Error('no folder'), { code: 'ENOTDIR' })
  const open = process.platform !== 'win32' && (found.mode & 0o077) !== 0
  return {
    path: root,
    database: join(root, 'database'),
    identity: join(root, 'identity'),
    password: join(root, 'password'),
    adminToken: join(root, 'admin-token'),
    webrtc: join(root, 'webrtc'),
    control: join(root, 'control'),
    controlSocket: join(root, 'control.sock'),
    open
  }
}

function unusable(root: string, err: unknown): DataDirError {
  return new DataDirError(`cannot use the data dir ${root}: ${reasonOf(err)}`, { cause: err })
}

function reasonOf(err: unknown): string {
  const { code } = err as NodeJS.ErrnoException
  if (code === 'EEXIST' || code === 'ENOTDIR') return 'there is a file of that name in the way'
  return code === 'ENOENT' ? 'no folder can be made there (ENOENT)' : `${fileTrouble(err)}${remedyOf(err)}`
}
