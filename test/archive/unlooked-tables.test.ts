import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import { LEVEL_OPTIONS } from '../../src/archive/database/database.js'
import { DiskReserve } from '../../src/archive/database/disk-reserve.js'
import { DoubtfulTables } from '../../src/archive/database/files/doubtful-tables.js'
import { closeIterator } from '../../src/archive/database/level-store.js'
import { SteadyLevel } from '../../src/archive/database/steady-level.js'
import { Prng } from './prng.js'
import { temporaryDirectory } from './temporary.js'

const NOT_TOLD = existsSync('/proc/self/maps') ? false : 'the system does not tell which files LevelDB has in use'
const TABLES = 30

/** Keys 0 to 2999, of which each table has those between 20 and 80 of its hundred. */
const key = (number: number): Uint8Array => new TextEncoder().encode(String(number).padStart(4, '0'))

async function openLevel(path: string): Promise<ClassicLevel<Uint8Array, Uint8Array>> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(path, LEVEL_OPTIONS)
  await level.open()
  return level
}

/** Tables in the third level: LevelDB joins none of them when it is opened. */
async function fill(path: string): Promise<void> {
  const level = await openLevel(path)
  for (let table = 0; table < TABLES; table++) {
    const batch = level.batch()
    for (let i = 20; i < 80; i += 6) batch.put(key(100 * table + i), new Uint8Array(300))
    await batch.write()
    await level.compactRange(key(100 * table), key(100 * table + 99))
  }
  await level.close()
}

/** The tables of a database, by their numbers, that this process has open or in its memory. */
async function inUse(directory: string): Promise<number[]> {
  const maps = (await readFile('/proc/self/maps', 'latin1')).split('\n')
  const fds = await readdir('/proc/self/fd')
  const open = await Promise.all(fds.map(fd => readlink(join('/proc/self/fd', fd)).catch(() => '')))
  const tables = [...maps, ...open].filter(line => line.includes(`${directory}/`))
  return tables.flatMap(
    line =>
      line
        .match(/(\d+)\.ldb$/)
        ?.slice(1)
        .map(Number) ?? []
  )
}

test('LevelDB reads nothing of a table that nobody looked at, and what is looked at is little', {
  skip: NOT_TOLD
}, async t => {
  const path = join(await temporaryDirectory(t), 'db')
  await fill(path)
  let [all, looked] = [new Set<number>(), new Set<number>()]
  const { begin, saw } = DoubtfulTables.prototype
  t.mock.method(DoubtfulTables.prototype, 'begin', function (this: DoubtfulTables, tables: Map<number, never>) {
    all = new Set(tables.keys())
    begin.call(this, tables)
  })
  t.mock.method(DoubtfulTables.prototype, 'saw', function (this: DoubtfulTables, table: number, damaged: boolean) {
    looked.add(table)
    saw.call(this, table, damaged)
  })
  const prng = new Prng(7)
  for (let round = 0; round < 80; round++) {
    looked = new Set()
    const level = await SteadyLevel.open({
      path,
      reserve: new DiskReserve(`${path}.reserve`),
      open: () => openLevel(path),
      salvage: async () => {},
      isFree: async () => true,
      newest: 0
    })
    assert.equal(all.size, TABLES)
    const from = prng.between(0, 100 * TABLES)
    const range = { gte: key(from), lt: key(prng.between(from, 100 * TABLES)), reverse: prng.chance(0.5) }
    const size = prng.pick([1, 3, 15])
    const iterator = level.iterator(range)
    await iterator.nextv(size)
    if (prng.chance(0.5)) await iterator.nextv(size)
    assert.equal(await closeIterator(iterator, range, { bytes: 0, ended: false }), false)
    if (prng.chance(0.5)) await level.getMany([key(prng.between(0, 100 * TABLES))])
    const unlooked = (await inUse(path)).filter(table => all.has(table) && !looked.has(table))
    assert.deepEqual(unlooked, [], `round ${round}`)
    assert(looked.size <= 9, `${looked.size} were looked at`)
    await level.close()
  }
})
