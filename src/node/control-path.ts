import { createHash } from 'node:crypto'
import { mkdtemp, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { DataDir } from './data-dir.js'
import { readIfThere, writePrivateFile } from './private-file.js'

/** A socket address holds 104 to 108 bytes; longer paths are cut without an error on some systems. */
const MAX_SOCKET_PATH_BYTES = 100

const TEMP_PREFIX = 'waku-mailserver-'

/** Where a running node of this data dir listens, or would. */
export async function findControlPath(dir: DataDir): Promise<string> {
  if (process.platform === 'win32') return pipeName(dir)
  if (fits(dir.controlSocket)) return dir.controlSocket
  return (await readIfThere(dir.control))?.trim() || dir.controlSocket
}

/**
 * A path that nothing listens on: what a killed process left is removed, so call it only when this process holds the data dir.
 * Where the data dir's own path is too long, a folder for the owner only in the temporary directory holds the socket.
 */
export async function claimControlPath(dir: DataDir): Promise<string> {
  if (process.platform === 'win32') return pipeName(dir)
  await releaseControlPath(dir)
  if (fits(dir.controlSocket)) return dir.controlSocket
  const path = join(await mkdtemp(join(tmpdir(), TEMP_PREFIX)), 'control.sock')
  await writePrivateFile(dir.control, `${path}\n`)
  return path
}

/** Removes the socket and what named it. */
export async function releaseControlPath(dir: DataDir): Promise<void> {
  if (process.platform === 'win32') return
  if (fits(dir.controlSocket)) return unlinkIfThere(dir.controlSocket)
  const named = (await readIfThere(dir.control))?.trim()
  if (named === undefined) return
  // the file is ours alone, but a folder is only removed when it is one that we make
  if (dirname(named).startsWith(join(tmpdir(), TEMP_PREFIX))) await rm(dirname(named), { recursive: true, force: true })
  await unlinkIfThere(dir.control)
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
