import { cp, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { LEVEL_OPTIONS, openDatabase } from '../../src/archive/database/database.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'

/** A key behind all of an archive. */
const LAST = Uint8Array.of(0xfe)

/**
 * A database on disk, closed, with all its envelopes in tables.
 * @param options.isDeep - in a level whose tables are not looked at before they are read
 */
export async function databaseInTables(
  directory: string,
  batches: Envelope[][],
  { isDeep = false, ...options }: Pick<typeof LEVEL_OPTIONS, 'blockSize' | 'maxFileSize'> & { isDeep?: boolean } = {}
): Promise<void> {
  const { archive, close } = await openDatabase(directory)
  for (const batch of batches) await archive.append(batch)
  await close()
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, { ...LEVEL_OPTIONS, ...options })
  await level.open()
  if (isDeep) {
    // LevelDB writes what overlaps with nothing in the third level, and joins everything where anything lies
    await level.put(LAST, LAST)
    await level.compactRange(LAST, LAST)
    await level.del(LAST)
  }
  await level.compactRange(Uint8Array.of(0), Uint8Array.of(0xff))
  await level.close()
}

/** A copy as another machine would find it: nobody has it open. */
export async function copyOf(directory: string, name: string): Promise<string> {
  const copy = `${directory}-${name}`
  await rm(copy, { recursive: true, force: true })
  await cp(directory, copy, { recursive: true })
  await rm(join(copy, 'LOCK'), { force: true })
  return copy
}

/** The largest file whose name ends so. */
export async function largest(directory: string, ending: string | RegExp): Promise<string> {
  const names = (await readdir(directory)).filter(name =>
    typeof ending === 'string' ? name.endsWith(ending) : ending.test(name)
  )
  const sizes = await Promise.all(names.map(async name => ({ name, size: (await stat(join(directory, name))).size })))
  const { name } = sizes.sort((a, b) => b.size - a.size)[0] ?? { name: 'none' }
  return join(directory, name)
}

/** Changes a bit of some bytes, where they are: a process may have the file open. */
export async function flip(file: string, at: number | number[], bit = 0x10): Promise<void> {
  const bytes = await readFile(file)
  const handle = await open(file, 'r+')
  for (const place of [at].flat()) {
    bytes[place] = (bytes[place] as number) ^ bit
    await handle.write(bytes, place, 1, place)
  }
  await handle.close()
}
