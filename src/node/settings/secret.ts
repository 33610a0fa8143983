import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { fromHex } from '../../wire/bytes.js'
import { keyFromPassword } from '../../wire/envelope/key.js'
import type { DataDir } from '../data-dir/data-dir.js'
import { fileTrouble } from '../data-dir/file-trouble.js'
import { readIfThere, writePrivateFile } from '../data-dir/private-file.js'
import { ConfigError } from './config.js'

/** A file with a password or key cannot be used; the message never quotes what is in it. */
export class SecretError extends Error {
  static override readonly name = 'SecretError'
  override readonly name = 'SecretError'
}

const MAX_SECRET_BYTES = 4096
const KEY_BYTES = 32

/** The password in a file, UTF-8, without the line break at its end. Throws `SecretError`. */
export async function readPasswordFile(path: string): Promise<string> {
  const bytes = await readSecret(path)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new SecretError(`${path} holds no password: it is not UTF-8`)
  }
  const password = text.replace(/\r?\n$/, '')
  if (password === '') throw new SecretError(`${path} holds no password: it is empty`)
  return password
}

/** A symmetric key of 32 bytes, raw or as 64 hex digits. Throws `SecretError`. */
export async function readKeyFile(path: string): Promise<Uint8Array> {
  const bytes = await readSecret(path)
  const text = Buffer.from(bytes).toString('latin1').trim()
  const key = /^(?:0x)?[0-9a-f]{64}$/i.test(text) ? fromHex(text) : bytes
  if (key.length !== KEY_BYTES)
    throw new SecretError(`${path} holds no key: expected 32 bytes, raw or as 64 hex digits`)
  if (key.every(byte => byte === 0)) throw new SecretError(`${path} holds no key: all of it is zero`)
  return key
}

/** The key of a file, or of the password in a file; exactly one of the two is given. Throws `SecretError`. */
export async function readKey(files: {
  keyFile?: string | undefined
  passwordFile?: string | undefined
}): Promise<Uint8Array | undefined> {
  if (files.keyFile !== undefined) return readKeyFile(files.keyFile)
  if (files.passwordFile !== undefined) return keyFromPassword(await readPasswordFile(files.passwordFile))
  return undefined
}

/** The mailserver password that was named; undefined for that of the data dir. Throws `SecretError`, `ConfigError`. */
export async function namedPassword({
  password,
  'password-file': file
}: {
  password?: string | undefined
  'password-file'?: string | undefined
}): Promise<string | undefined> {
  if (password !== undefined && file !== undefined) {
    throw new ConfigError('--password and --password-file exclude each other')
  }
  return file === undefined ? password : await readPasswordFile(file)
}

/**
 * The mailserver password of the data dir. Where there is none it gets 24 random bytes, so that nothing secret is a default.
 * Throws `SecretError`, `FileError`.
 *
 * @param warn - told that one was made, where clients may know another one
 */
export async function ownPassword(
  dir: Pick<DataDir, 'password'>,
  warn: (line: string) => void = () => {}
): Promise<string> {
  if ((await readIfThere(dir.password)) === undefined) {
    const fresh = `${randomBytes(24).toString('base64url')}\n`
    if (await writePrivateFile(dir.password, fresh, { exclusive: true }))
      warn(
        `${dir.password} was missing, and a new password was made: clients with the old one are refused until they have this one, ` +
          'or the old file is put back and the node started again'
      )
  }
  return readPasswordFile(dir.password).catch((err: Error) => {
    if (!err.message.includes('holds no password')) throw err
    throw new SecretError(`${err.message}; put the right file back, or remove it, and a new password is made`)
  })
}

async function readSecret(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r').catch((err: NodeJS.ErrnoException) => {
    throw new SecretError(`cannot read ${path}: ${fileTrouble(err)}`)
  })
  try {
    const buffer = new Uint8Array(MAX_SECRET_BYTES + 1)
    let length = 0
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    if (length > MAX_SECRET_BYTES) throw new SecretError(`${path} is larger than ${MAX_SECRET_BYTES} bytes`)
    return buffer.subarray(0, length)
  } catch (err) {
    if (err instanceof SecretError) throw err
    throw new SecretError(`cannot read ${path}: ${fileTrouble(err)}`)
  } finally {
    await file.close()
  }
}
