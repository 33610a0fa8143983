const TROUBLES: Record<string, string> = {
  EACCES: 'this user has no permission',
  EPERM: 'this user has no permission',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk space of this user is used up',
  EIO: 'the disk fails',
  EISDIR: 'it is a folder',
  ENOTDIR: 'there is a file where a folder is expected',
  ENOENT: 'there is no such file',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'it is a link that leads to itself',
  EMFILE: 'this process has too many files open'
}

/** Why a file cannot be read or written, for a person: `the disk is full (ENOSPC)`. */
export function fileTrouble(err: unknown): string {
  const { code, message } = err as NodeJS.ErrnoException
  if (code === undefined) return message
  const text = TROUBLES[code]
  return text === undefined ? code : `${text} (${code})`
}

/** A file cannot be read or written; the message says which and why. */
export class FileError extends Error {
  static override readonly name = 'FileError'
  override readonly name = 'FileError'
  /** Of the system. */
  readonly code: string | undefined

  constructor(deed: 'read' | 'write', path: string, cause: unknown) {
    super(`cannot ${deed} ${path}: ${fileTrouble(cause)}`, { cause })
    this.code = (cause as NodeJS.ErrnoException).code
  }
}
