import { mkdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'

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
    await mkdir(root, { recursive: true, mode: 0o700 })
    const { mode } = await stat(root)
    const open = process.platform !== 'win32' && (mode & 0o077) !== 0
    return {
      path: root,
      database: join(root, 'database'),
      identity: join(root, 'identity'),
      password: join(root, 'password'),
      control: join(root, 'control'),
      controlSocket: join(root, 'control.sock'),
      open
    }
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    const reason = code === 'EEXIST' || code === 'ENOTDIR' ? 'there is a file of that name in the way' : String(code)
    throw new DataDirError(`cannot use the data dir ${root}: ${reason}`)
  }
}
