import { constants } from 'node:fs'
import { access, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ConfigError } from '../settings/config.js'
import { fileTrouble } from './file-trouble.js'
import { writePrivateFile } from './private-file.js'

/** What scripts that started a node wait for. */
export interface ReadyFile {
  peerId: string
  /** Where it listens or what it announces, each with `/p2p/<peer id>`. */
  multiaddrs: string[]
  /** The devp2p name of the node; null while it does not speak devp2p. */
  enode: string | null
  pid: number
  /** The URL of the admin listener; null without one. */
  admin: string | null
}

/**
 * Whoever waits for the file would wait for ever if it could not be written. Its folder is there, or is the data dir, which
 * need not be yet.
 * @throws ConfigError
 */
export async function checkReadyFile(path: string, dataDir: string): Promise<void> {
  const file = resolve(path)
  const folder = dirname(file)
  const found = await stat(file).catch(() => undefined)
  if (found?.isDirectory() === true) throw new ConfigError(`--ready-file: ${path} is a folder: name a file in it`)
  try {
    if (!(await stat(folder)).isDirectory()) throw new ConfigError(`--ready-file: ${folder} is no folder`)
    await access(folder, constants.W_OK)
  } catch (err) {
    if (err instanceof ConfigError) throw err
    const { code } = err as NodeJS.ErrnoException
    if (code === 'ENOENT' && folder === resolve(dataDir)) return
    const reason =
      code === 'ENOENT'
        ? `there is no folder ${folder}: make it first`
        : `cannot write in ${folder}: ${fileTrouble(err)}`
    throw new ConfigError(`--ready-file: ${reason}`)
  }
}

/** Written whole, once the node serves. */
export async function writeReadyFile(path: string, ready: ReadyFile): Promise<void> {
  await writePrivateFile(resolve(path), `${JSON.stringify(ready)}\n`)
}

/** One of an earlier run must not be taken for this one's. */
export async function removeReadyFile(path: string): Promise<void> {
  await rm(resolve(path), { force: true })
}
