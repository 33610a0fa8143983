import { LEVEL_OPTIONS } from '../../src/archive/database/database.js'

// The node under torture is the one that was built but for this: LevelDB's buffer holds 2 MB instead of 32, so that tables are
// written and merged in every run, and not only after many megabytes.
LEVEL_OPTIONS.writeBufferSize = 2 * 1024 * 1024
