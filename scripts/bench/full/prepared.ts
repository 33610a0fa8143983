import { access, copyFile, link, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { ClassicStore } from '../../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS } from '../../../src/archive/database/database.js'
import type { LevelStore } from '../../../src/archive/database/level-store.js'
import { LevelArchive } from '../../../src/archive/level/level-archive.js'
import { Prng } from '../../../test/archive/prng.js'
import { Traffic } from '../../../test/archive/traffic.js'
import { TimeScan } from './time-scan.js'

export const DAYS = 30
const BATCH = 2000

/** Where the archives lie that are made once and measured in several runs. */
export const root = join(tmpdir(), 'waku-bench-full')
export const folderOf = (count: number): string => join(root, String(count))
/** LevelDB's. */
export const ownFolder = (count: number): string => join(folderOf(count), 'db')
export const scanFolder = (count: number): string => join(folderOf(count), 'time-scan')

/** The traffic of an archive, from its beginning: its topics are always the same. */
export const trafficOf = (count: number): Traffic => new Traffic(new Prng(1), { count, days: DAYS })

/** Makes both archives out of the same envelopes, unless they are there. */
export async function prepare(count: number): Promise<void> {
  const done = join(folderOf(count), 'done')
  if (await exists(done)) return
  await rm(folderOf(count), { recursive: true, force: true })
  await mkdir(ownFolder(count), { recursive: true })
  const scan = await TimeScan.open(scanFolder(count))
  const own = await openOwn(count)
  let written = 0
  for (const batch of trafficOf(count).batches(BATCH)) {
    await Promise.all([own.archive.append(batch), scan.append(batch)])
    written += batch.length
    if (written % 100_000 === 0) process.stderr.write(`${written} of ${count}\n`)
  }
  await own.close()
  await scan.close()
  await writeFile(done, '')
}

export interface Own {
  archive: LevelArchive
  level: ClassicLevel<Uint8Array, Uint8Array>
  close(): Promise<void>
}

/** @param around - put between the archive and LevelDB */
export async function openOwn(count: number, around: (store: LevelStore) => LevelStore = store => store): Promise<Own> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(ownFolder(count), LEVEL_OPTIONS)
  await level.open()
  const archive = await LevelArchive.open({ db: around(new ClassicStore(level)) })
  return {
    archive,
    level,
    async close() {
      await archive.close()
      await level.close()
    }
  }
}

/** A copy that may be changed: LevelDB never changes a table. */
export async function linkedCopy(count: number): Promise<{ path: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(root, 'copy-'))
  const path = join(folder, 'db')
  await mkdir(path)
  for (const name of await readdir(ownFolder(count))) {
    const copy = name.endsWith('.ldb') ? link : copyFile
    if (name !== 'LOCK') await copy(join(ownFolder(count), name), join(path, name))
  }
  return { path, remove: () => rm(folder, { recursive: true, force: true }) }
}

export async function bytesIn(folder: string): Promise<number> {
  const sizes = await Promise.all(
    (await readdir(folder)).map(name => stat(join(folder, name)).then(({ size }) => size))
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false
  )
}
