/** Reading or writing the store failed. After a failed append nothing of that batch may be counted as stored. */
export class ArchiveError extends Error {
  static override readonly name = 'ArchiveError'
  override readonly name = 'ArchiveError'
}

/** What was asked for would have to be worked out of something that is damaged; the message names it, fit for a peer. */
export class ArchiveDamagedError extends Error {
  static override readonly name = 'ArchiveDamagedError'
  override readonly name = 'ArchiveDamagedError'
}

/** The archive is closed, or is being closed. */
export class ArchiveClosedError extends Error {
  static override readonly name = 'ArchiveClosedError'
  override readonly name = 'ArchiveClosedError'

  constructor(message = 'the archive is closed', options?: ErrorOptions) {
    super(message, options)
  }
}

/** What is stored was written in a form that this version does not know. */
export class ArchiveFormatError extends Error {
  static override readonly name = 'ArchiveFormatError'
  override readonly name = 'ArchiveFormatError'
}

/** A query, a prune bound or a limit is out of its documented range. */
export class ArchiveQueryError extends Error {
  static override readonly name = 'ArchiveQueryError'
  override readonly name = 'ArchiveQueryError'
}

/** More bytes wait to be written than the queue holds. Nothing was stored; try again later. */
export class ArchiveBusyError extends Error {
  static override readonly name = 'ArchiveBusyError'
  override readonly name = 'ArchiveBusyError'
}

/** The archive holds as many envelopes as it may, or its datastore takes no more. Nothing of the batch was stored. */
export class ArchiveFullError extends Error {
  static override readonly name = 'ArchiveFullError'
  override readonly name = 'ArchiveFullError'
}

const OWN = [
  ArchiveError,
  ArchiveDamagedError,
  ArchiveClosedError,
  ArchiveFormatError,
  ArchiveQueryError,
  ArchiveBusyError,
  ArchiveFullError
]

/** An error of the archive as it is, any other as the cause of an `ArchiveError`, which has its words too. */
export function archiveFailure(message: string, error: unknown): Error {
  if (OWN.some(kind => error instanceof kind)) return error as Error
  const text = error instanceof Error ? `${message}: ${rootMessage(error)}` : message
  return new ArchiveError(text, { cause: error })
}

/** Rules of retention contradict each other, or would leave nothing. */
export class RetentionRulesError extends Error {
  static override readonly name = 'RetentionRulesError'
  override readonly name = 'RetentionRulesError'
}

/** What is at the bottom of an error: the message of its innermost cause, such as LevelDB's own words. */
export function rootMessage({ message, cause }: Error): string {
  return cause instanceof Error ? rootMessage(cause) : message
}

/** Another process uses this data directory. */
export class DataDirLockedError extends Error {
  static override readonly name = 'DataDirLockedError'
  override readonly name = 'DataDirLockedError'
}
