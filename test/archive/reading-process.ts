import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../src/archive/database/database.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { readPage } from './comparison.js'

/** What a process below does first with a database whose tables nobody looked at. */
export type Reading = 'page' | 'verify' | 'repair' | 'stats'

/** Says how many envelopes can be read in the end. */
async function read(directory: string, what: Reading): Promise<void> {
  await useQuickKeccak()
  const { archive, close } = await openDatabase(directory, { check: false, newest: 0 })
  const all = { lower: 0, upper: 2 ** 32 - 1, limit: 1e6 }
  if (what !== 'page') await archive[what]()
  await readPage(archive, all)
  const { rows } = await readPage(archive, all)
  await close()
  process.stdout.write(`${rows.length}\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await read(process.argv[2] as string, process.argv[3] as Reading)
