import { openDatabase } from '../../src/archive/database/database.js'
import { conformance } from './conformance.js'
import { closedBy, temporaryDirectory } from './temporary.js'

// The real thing: opening again means that LevelDB itself is closed and reads its files anew.
await conformance(
  'level archive',
  async t => {
    const directory = await temporaryDirectory(t)
    return async () => {
      const { archive, close } = await openDatabase(directory)
      return closedBy(archive, close)
    }
  },
  { cases: 20_000, seeds: [1, 2, 3, 4] }
)
