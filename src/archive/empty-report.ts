import type { ArchiveReport } from './archive.js'

/** Of an archive with nothing in it, and nothing wrong. */
export const emptyReport = (): ArchiveReport => ({
  envelopes: 0,
  damaged: 0,
  missing: 0,
  index: 0,
  countsWrong: false,
  files: 0,
  restored: 0,
  gaps: []
})
