import { readPasswordFile } from '../node/settings/secret.js'
import { keyFromPassword } from '../wire/envelope/key.js'
import { DIALECTS } from '../wire/request/dialect.js'
import type { Dialect } from '../wire/request/history-request.js'
import { UsageError } from './command.js'

/**
 * The key that a mailserver opens requests with, from its password; undefined for a form that is not encrypted.
 * @throws UsageError
 */
export async function serverKey(
  command: string,
  config: {
    password?: string | undefined
    'password-file'?: string | undefined
    dialect?: Dialect | undefined
  }
): Promise<Uint8Array | undefined> {
  const { password, 'password-file': passwordFile, dialect } = config
  if (dialect !== undefined && !DIALECTS[dialect].sealed) return undefined
  if (password !== undefined && passwordFile !== undefined) {
    throw new UsageError('--password and --password-file exclude each other')
  }
  if (password !== undefined) return keyFromPassword(password)
  if (passwordFile === undefined) {
    throw new UsageError(`${command}: needs --password-file <file>, the password of the mailserver`)
  }
  return keyFromPassword(await readPasswordFile(passwordFile))
}
