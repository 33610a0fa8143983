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

const FOREIGN = '; run this as the user whose data dir it is, or give its files to this user (chown -R)'
const NO_ROOM = '; make room, and run this again'
const REMEDIES: Record<string, string> = {
  EACCES: FOREIGN,
  EPERM: FOREIGN,
  EROFS: '; mount it for writing, or name another data dir with --data-dir',
  ENOSPC: NO_ROOM,
  EDQUOT: NO_ROOM
}

/** What to do where a file of a data dir cannot be used, to be put behind why; empty where nobody knows. */
export const remedyOf = (err: unknown): string => REMEDIES[(err as NodeJS.ErrnoException).code ?? ''] ?? ''

/** Why a file cannot be read or written, for a person: `the disk is full (ENOSPC)`. */
export function fileTrouble(err: unknown): string {
  const { code, message } = err as NodeJS.ErrnoException
  if (code === undefined) return message
  const text = TROUBLES[code]
  return text === undefined ? code : `${text} (${code})`
}

/** A file of a data dir cannot be read or written; the message says which, why, and what to do. */
export class FileError extends Error {
  static override readonly name = 'FileError'
  override readonly name = 'FileError'
  /** Of the system. */
  readonly code: string | undefined

  constructor(deed: 'read' | 'write', path: string, cause: unknown) {
    super(`cannot ${deed} ${path}: ${fileTrouble(cause)}${remedyOf(cause)}`, { cause })
    this.code = (cause as NodeJS.ErrnoException).code
  }
}
