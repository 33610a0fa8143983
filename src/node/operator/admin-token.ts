import { randomBytes } from 'node:crypto'
import type { DataDir } from '../data-dir/data-dir.js'
import { readIfThere, writePrivateFile } from '../data-dir/private-file.js'
import { SecretError } from '../settings/secret.js'

/**
 * The token that the admin listener asks for, made for each data dir and kept in it (0600). Where it cannot be kept, as on a full
 * disk, the node serves all the same. Throws `SecretError`.
 */
export async function adminTokenOf(dir: DataDir, warn: (line: string) => void): Promise<string> {
  const known = await readIfThere(dir.adminToken)
  if (known !== undefined) return checked(dir, known)
  const fresh = randomBytes(32).toString('base64url')
  try {
    if (await writePrivateFile(dir.adminToken, `${fresh}\n`, { exclusive: true })) return fresh
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    warn(`cannot write ${dir.adminToken} (${code}): only the probes of the admin listener answer until the next start`)
    return fresh
  }
  return checked(dir, (await readIfThere(dir.adminToken)) ?? '')
}

function checked(dir: DataDir, text: string): string {
  const token = text.trim()
  if (/^[\w-]{43}$/.test(token)) return token
  throw new SecretError(`${dir.adminToken} holds no token: remove that file, and a new one is made`)
}
