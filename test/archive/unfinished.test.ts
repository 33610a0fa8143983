import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDatabase } from '../../src/archive/database/database.js'
import { liveTables } from '../../src/archive/database/files/manifest.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import { readPage } from './comparison.js'
import { flip, largest } from './damage.js'
import { temporaryDirectory } from './temporary.js'
import { envelopeAt } from './traffic.js'

await useQuickKeccak()

const TOPIC = Uint8Array.of(1, 2, 3, 4)
const ENVELOPES = Array.from({ length: 600 }, (_, i) =>
  envelopeAt(1_600_000_000 + i, TOPIC, new Uint8Array(100).fill(i & 0xff).fill(i >> 8, 0, 4))
)
const UNFINISHED = '000099.ldb'
const FIRST = ENVELOPES.slice(0, 400)
const SECOND = ENVELOPES.slice(400)

/**
 * What a power cut leaves that came while the node came back from another one: the first envelopes in a table, and also in a log whose
 * deletion did not reach the disk; the others in the log; and of the table that was made of that, a beginning.
 */
async function cutTwice(directory: string, last: 'live' | 'stale' = 'live'): Promise<{ table: string }> {
  const first = await openDatabase(directory)
  await first.archive.append(FIRST)
  await first.close()
  const log = await largest(directory, '.log')
  await cp(log, `${directory}-log`)
  const second = await openDatabase(directory)
  await second.archive.append(SECOND)
  await second.close()
  const live = await largest(directory, '.log')
  await cp(live, `${directory}-live`)
  await rm(live)
  const logs: Array<[string, string]> = [
    [`${directory}-log`, log],
    [`${directory}-live`, live]
  ]
  for (const [from, to] of last === 'live' ? logs : logs.reverse()) await cp(from, to)
  const table = await largest(directory, '.ldb')
  await writeFile(join(directory, UNFINISHED), (await readFile(table)).subarray(0, 5000))
  return { table }
}

const delivered = async (directory: string): Promise<number> => {
  const { archive, close } = await openDatabase(directory)
  const { rows } = await readPage(archive, { lower: 0, upper: MAX_UINT32, limit: 1000 })
  await close()
  return rows.length
}

test('a table that was not finished is no damage, and nothing is lost to a log that came back', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await cutTwice(directory)
  assert.equal(await delivered(directory), ENVELOPES.length)
  assert(!(await readdir(directory)).includes('lost'), 'LevelDB made a new manifest')
})

test('where LevelDB has to make a new manifest, what was written last is what counts', async t => {
  const folder = await temporaryDirectory(t)
  // it takes logs in the order in which the file system lists them, often that in which they were made
  for (const last of ['live', 'stale'] as const) {
    const directory = join(folder, last)
    const { table } = await cutTwice(directory, last)
    // where a table ends it says where everything is, which is made anew of sound blocks only; all that was in it is in the log that came back
    const { length } = await readFile(table)
    await flip(table, [10, 11, 20, length - 1, length - 2, length - 3, length - 40])
    assert.equal(await delivered(directory), ENVELOPES.length, last)
    assert((await readdir(directory)).includes('lost'))
  }
})

test('a manifest names the tables of its database, up to its last whole edit', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  await cutTwice(directory)
  const named = (await readFile(join(directory, 'CURRENT'), 'latin1')).trim()
  const manifest = new Uint8Array(await readFile(join(directory, named)))
  const tables = (await readdir(directory)).filter(name => name.endsWith('.ldb') && name !== UNFINISHED)
  const live = liveTables(manifest)
  assert.deepEqual(new Set(live?.keys()), new Set(tables.map(name => Number.parseInt(name, 10))))
  assert.equal(liveTables(manifest.subarray(0, 4)), undefined)
  assert.deepEqual(liveTables(Buffer.concat([manifest, Uint8Array.of(1, 2, 3, 4, 9, 0, 1, 2)])), live)
  manifest[20] = (manifest[20] as number) ^ 1
  assert.equal(liveTables(manifest), undefined)
})
