import { randomBytes } from 'node:crypto'
import type { DataDir } from './data-dir.js'
import { readIfThere, writePrivateFile } from './private-file.js'
import { SecretError } from './secret.js'

/** The token that the admin listener asks for, made for each data dir and kept in it (0600). Throws `SecretError`. */
export async function adminTokenOf(dir: DataDir): Promise<string> {
  const fresh = randomBytes(32).toString('base64url')
  if (await writePrivateFile(dir.adminToken, `${fresh}\n`, { exclusive: true })) return fresh
  const token = (await readIfThere(dir.adminToken))?.trim() ?? ''
  if (/^[\w-]{43}$/.test(token)) return token
  throw new SecretError(`${dir.adminToken} holds no token: remove that file, and a new one is made`)
}
