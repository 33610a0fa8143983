import {
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import type { Prng } from '../../test/archive/prng.js'
import { type NameChange, readJournal } from './journal.js'

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
 * @param torn of what no sync covered, a part reached the disk as well, and at its end something else
 */
export function cutPower(folder: string, journal: string, prng: Prng, { torn = false } = {}): CutFile[] {
  const found = readJournal(journal)
  const kept = prng.chance(0.5) ? 0 : prng.below(found.pending.length + 1)
  for (const change of found.pending.slice(kept).reverse()) undo(change)
  const cut: CutFile[] = []
  for (const name of existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []) {
    const path = join(folder, name)
    const { ino, size, mode } = statSync(path)
    const sure = found.durable.get(String(ino))
    if ((mode & FILE_TYPE) !== REGULAR || sure === undefined || sure >= size) continue
    const after = torn ? prng.between(sure, size) : sure
    truncateSync(path, after)
    if (after > sure) spoilTail(path, { from: prng.between(sure, after), to: after }, prng)
    cut.push({ path, before: size, after })
  }
  return cut
}

const FILE_TYPE = 0o170000
const REGULAR = 0o100000

function undo(change: NameChange): void {
  if (change.kind === 'created' || change.kind === 'folder') rmSync(change.path, { recursive: true, force: true })
  else if (change.kind === 'removed') linkSync(change.grave, change.path)
  else {
    renameSync(change.to, change.from)
    if (change.grave !== undefined) linkSync(change.grave, change.to)
  }
}

/** What was in those blocks before: zeros, or anything. */
function spoilTail(path: string, { from, to }: { from: number; to: number }, prng: Prng): void {
  const file = openSync(path, 'r+')
  writeSync(file, prng.chance(0.5) ? new Uint8Array(to - from) : prng.bytes(to - from), 0, to - from, from)
  closeSync(file)
}
