import { existsSync, linkSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { Prng } from '../../test/archive/prng.js'
import { type Journal, type NameChange, readJournal } from './journal.js'

/** A file that was cut, and how long it was before. */
export interface CutFile {
  path: string
  before: number
  after: number
}

/**
 * Takes the power away from a folder whose program was killed: every file is cut to what its last completed sync covered, and
 * names that no sync of their folder covered come or go as if they had never changed. Of those a first part may have reached
 * the disk all the same, as a file system with a journal would have it.
 *
 * @param journal what the faulty disk told
 */
export function cutPower(folder: string, journal: string, prng: Prng): CutFile[] {
  const found = readJournal(journal)
  const kept = prng.chance(0.5) ? 0 : prng.below(found.pending.length + 1)
  for (const change of found.pending.slice(kept).reverse()) undo(change)
  return cutFiles(folder, found)
}

function undo(change: NameChange): void {
  if (change.kind === 'created' || change.kind === 'folder') rmSync(change.path, { recursive: true, force: true })
  else if (change.kind === 'removed') linkSync(change.grave, change.path)
  else {
    renameSync(change.to, change.from)
    if (change.grave !== undefined) linkSync(change.grave, change.to)
  }
}

function cutFiles(folder: string, { durable }: Journal): CutFile[] {
  const cut: CutFile[] = []
  for (const name of existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []) {
    const path = join(folder, name)
    const { ino, size, mode } = statSync(path)
    const sure = durable.get(String(ino))
    if ((mode & 0o170000) !== 0o100000 || sure === undefined || sure >= size) continue
    truncateSync(path, sure)
    cut.push({ path, before: size, after: sure })
  }
  return cut
}
