import { createWriteStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { syncFolder } from '../archive/database/sync-folder.js'

/** A file could not be written; what was there before is as it was. */
export class WriteFileError extends Error {
  static override readonly name = 'WriteFileError'
  override readonly name = 'WriteFileError'
}

export interface WriteOptions {
  signal: AbortSignal
  compress: boolean
}

export interface WriteFileOptions extends WriteOptions {
  /** Put it in the place of a file that is there. */
  replace: boolean
}

/**
 * Whether a file may be written there, before there is work to lose.
 * @throws WriteFileError
 */
export async function checkFree(path: string, { replace }: Pick<WriteFileOptions, 'replace'>): Promise<void> {
  const found = await stat(path).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return undefined
    throw explained(path, err)
  })
  if (found === undefined) return
  if (found.isDirectory()) throw new WriteFileError(`cannot write ${path}: it is a folder`)
  if (!found.isFile())
    throw new WriteFileError(`cannot write ${path}: it is no file; send the output there with --output -`)
  if (!replace) throw new WriteFileError(`${path} is there already: name another file, or replace it with --force`)
}

/**
 * Writes a file that is whole or not there: under another name, synced, then put in place. For the owner only (0600). Throws
 * `WriteFileError`, what `bytes` throws, or the signal's reason.
 */
export async function writeWholeFile(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  options: WriteFileOptions
): Promise<void> {
  await checkFree(path, options)
  const partial = `${path}.partial`
  try {
    await writeStream(createWriteStream(partial, { mode: 0o600 }), bytes, options)
    const file = await open(partial, 'r+')
    await file.sync().finally(() => file.close())
    // another program may have made one meanwhile
    await checkFree(path, options)
    await rename(partial, path)
    await syncFolder(dirname(path))
  } catch (err) {
    await rm(partial, { force: true })
    options.signal.throwIfAborted()
    throw explained(path, err as NodeJS.ErrnoException)
  }
}

/** Writes to a stream to its end, as fast as it takes it. */
export async function writeStream(
  out: Writable,
  bytes: AsyncIterable<Uint8Array>,
  { signal, compress }: WriteOptions
): Promise<void> {
  const source = Readable.from(bytes, { objectMode: false })
  // envelopes are ciphertext: more effort saves nothing
  if (compress) await pipeline(source, createGzip({ level: 1, chunkSize: 128 * 1024 }), out, { signal })
  else await pipeline(source, out, { signal })
}

const REASONS: Record<string, string> = {
  ENOSPC: 'the disk is full: make room, or name another place',
  EDQUOT: 'the quota of this user is used up: make room, or name another place',
  ENOENT: 'there is no such folder',
  ENOTDIR: 'there is a file where a folder is named',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'this file system is read-only'
}

function explained(path: string, err: NodeJS.ErrnoException): Error {
  const reason = err.code === undefined || err.syscall === undefined ? undefined : (REASONS[err.code] ?? err.code)
  return reason === undefined ? err : new WriteFileError(`cannot write ${path}: ${reason}`, { cause: err })
}
