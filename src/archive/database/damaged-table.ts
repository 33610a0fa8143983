import { ArchiveError } from '../errors.js'

/** What is read lies in a table that is damaged: LevelDB is not asked for it, since it could end the process. */
export class DamagedTableError extends ArchiveError {
  readonly code = 'LEVEL_CORRUPTION'
}

/** Whether LevelDB found something that it could not have written. */
export function isCorrupt(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === 'LEVEL_CORRUPTION') || isCorrupt(error.cause)
}
