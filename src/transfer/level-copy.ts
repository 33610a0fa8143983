import { copyFile, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { checkLog } from '../archive/database/files/log-file.js'
import { SourceError } from './errors.js'
import { lockOwner } from './lock-owner.js'

/** A LevelDB folder that can be opened without a byte of the original being touched. */
export interface LevelCopy {
  path: string
  /** Changes whenever a program opens the original. */
  state: string
  /** Parts of its log are lost: LevelDB passes over them without a word. */
  damaged: boolean
  remove(): Promise<void>
}

/**
 * LevelDB rewrites what it opens. What never changes, its tables, is linked; the rest is copied. Throws `SourceError` when it is no
 * LevelDB of a mailserver, or in use.
 *
 * @param place - a folder that does not exist yet, on a disk with room
 */
export async function copyLevel(folder: string, place: string): Promise<LevelCopy> {
  const original = resolve(folder)
  const names = await readdir(original)
  await checkKind(original, names)
  const owner = await lockOwner(original)
  if (owner !== undefined) {
    throw new SourceError(`process ${owner} has ${original} open: stop that mailserver first, then run this again`)
  }
  const state = await stateOf(original)
  await rm(place, { recursive: true, force: true })
  await mkdir(place, { recursive: true, mode: 0o700 })
  let damaged = false
  try {
    for (const name of names) {
      if (/^\d+\.(ldb|sst)$/.test(name)) await link(join(original, name), join(place, name))
      else if (/^(CURRENT|MANIFEST-\d+)$/.test(name)) await copyFile(join(original, name), join(place, name))
      else if (/^\d+\.log$/.test(name)) damaged = (await copyLog(join(original, name), join(place, name))) || damaged
    }
    if ((await stateOf(original)) !== state) throw new SourceError(`another process changes ${original}: stop it first`)
  } catch (err) {
    await rm(place, { recursive: true, force: true })
    const { code } = err as NodeJS.ErrnoException
    if (err instanceof SourceError) throw err
    if (code === 'ENOENT') throw new SourceError(`another process changes ${original}: stop it first`, { cause: err })
    throw new SourceError(`cannot read ${original}: ${code}`, { cause: err })
  }
  return { path: place, state, damaged, remove: () => rm(place, { recursive: true, force: true }) }
}

/** A folder of this process for a copy, with nothing left of processes that were killed. */
export async function copyPlace(folder: string): Promise<string> {
  for (const name of await readdir(folder)) {
    const pid = /^import-(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { recursive: true, force: true })
  }
  return join(folder, `import-${process.pid}`)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function checkKind(folder: string, names: readonly string[]): Promise<void> {
  const has = (pattern: RegExp): boolean => names.some(name => pattern.test(name))
  if (has(/^OPTIONS-\d+$/)) throw foreign(folder, 'it is a RocksDB or Pebble database')
  if (has(/^identity$/) && has(/^database$/)) {
    throw foreign(folder, 'it is a data dir of waku-mailserver: run "waku-mailserver export" on it and import that')
  }
  if (has(/^CURRENT$/)) return
  const inside = ['wnode', 'waku', 'data', 'shh', 'chaindata'].filter(name => names.includes(name))
  const hint =
    inside.length === 0 ? 'name the folder that holds the file CURRENT' : `is it ${inside.join(' or ')} in it?`
  throw foreign(folder, `there is no LevelDB database; ${hint}`)
}

function foreign(folder: string, why: string): SourceError {
  return new SourceError(`${folder} is no archive of a mailserver: ${why}`)
}

/** Copies a log with its single bits put right. Returns whether something of it is lost all the same. */
async function copyLog(from: string, to: string): Promise<boolean> {
  const log = await readFile(from)
  const damage = checkLog(log)
  await writeFile(to, log)
  return damage !== undefined && damage.lost > 0
}

async function link(from: string, to: string): Promise<void> {
  await symlink(from, to).catch(() => copyFile(from, to)) // Windows lets few users link
}

async function stateOf(folder: string): Promise<string> {
  const current = (await readFile(join(folder, 'CURRENT'), 'utf8')).trim()
  const logs = (await readdir(folder)).filter(name => /^\d+\.log$/.test(name)).sort()
  const sizes = await Promise.all(
    [current, ...logs].map(async name => `${name} ${(await stat(join(folder, name)).catch(() => undefined))?.size}`)
  )
  return sizes.join(', ')
}
