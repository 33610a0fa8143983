import { randomBytes } from 'node:crypto'
import type { DataDir } from '../data-dir/data-dir.js'
import type { FileError } from '../data-dir/file-trouble.js'
import { readIfThere, writePrivateFile } from '../data-dir/private-file.js'

/**
 * The token that the admin listener asks for, made for each data dir and kept in it (0600); made anew, with a notice, where what is kept is
 * none. Where it cannot be kept, as on a full disk, the node serves all the same. Throws `FileError` for a file that this user may not read.
 */
export async function adminTokenOf(dir: DataDir, warn: (line: string) => void): Promise<string> {
  const known = await keptIn(dir)
  const token = known === undefined ? undefined : tokenIn(known)
  if (token !== undefined) return token
  const fresh = randomBytes(32).toString('base64url')
  const isSpoiled = known !== undefined
  try {
    if (!(await writePrivateFile(dir.adminToken, `${fresh}\n`, { exclusive: !isSpoiled })))
      return tokenIn((await keptIn(dir)) ?? '') ?? fresh // another process made it meanwhile
    if (isSpoiled) warn(`${dir.adminToken} held no token: a new one was made, which who asks for metrics needs, too`)
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    warn(`cannot write ${dir.adminToken} (${code}): only the probes of the admin listener answer until the next start`)
  }
  return fresh
}

/** What is in its place, undefined when nothing is; a folder is no token. */
async function keptIn(dir: DataDir): Promise<string | undefined> {
  try {
    return await readIfThere(dir.adminToken)
  } catch (err) {
    if ((err as FileError).code !== 'EISDIR') throw err
    return ''
  }
}

function tokenIn(text: string): string | undefined {
  const token = text.trim()
  return /^[\w-]{43}$/.test(token) ? token : undefined
}
