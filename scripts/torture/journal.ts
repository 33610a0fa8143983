import { dirname } from 'node:path'

/** A name came or went, or stands for something else now. */
export type NameChange =
  | { kind: 'created'; path: string; inode: string }
  | { kind: 'folder'; path: string }
  | { kind: 'removed'; path: string; inode: string; grave: string }
  | { kind: 'renamed'; from: string; to: string; grave: string | undefined }

/** What a program did to its files, as the faulty disk told it. */
export interface Journal {
  /** Changes of names that no sync of their folder covered, in order. */
  pending: NameChange[]
  /** By inode, of each file that was opened for writing: how many of its bytes are sure to be on disk. */
  durable: Map<string, number>
}

/**
 * Reads a journal up to its last whole line.
 *
 * A name is on disk once its folder was synced, which is all that POSIX promises; that of a new file also once the file was, as
 * on ext4, XFS, Btrfs and APFS: LevelDB counts on it. Of a file those bytes are that it had when the last sync that succeeded
 * began; after one that failed nothing is added, since the kernel forgets which pages those were.
 */
export function readJournal(text: string): Journal {
  const durable = new Map<string, number>()
  const broken = new Set<string>()
  let pending: NameChange[] = []
  for (const line of text.split('\n').slice(0, -1)) {
    const [kind, ...fields] = line.split('\t')
    const [first = '', second = '', third = '', fourth = ''] = fields
    if (kind === 'C') {
      pending.push({ kind: 'created', path: second, inode: first })
      if (!durable.has(first)) durable.set(first, 0)
    } else if (kind === 'M') pending.push({ kind: 'folder', path: first })
    else if (kind === 'U') pending.push({ kind: 'removed', path: second, inode: first, grave: third })
    else if (kind === 'R') {
      pending.push({ kind: 'renamed', from: second, to: third, grave: fourth === '-' ? undefined : fourth })
    } else if (kind === 'D') pending = pending.filter(change => !isIn(change, first))
    // what was there when the program began is on disk, unless opening it cut it off
    else if (kind === 'O') durable.set(first, Math.min(durable.get(first) ?? Number(second), Number(second)))
    else if (kind === 'T') durable.set(first, Math.min(durable.get(first) ?? 0, Number(second)))
    else if (kind === 'F') broken.add(first)
    else if (kind === 'S' && !broken.has(first)) {
      durable.set(first, Math.max(durable.get(first) ?? 0, Number(second)))
      pending = pending.filter(change => change.kind !== 'created' || change.inode !== first)
    }
  }
  return { pending, durable }
}

function isIn(change: NameChange, folder: string): boolean {
  return dirname(change.kind === 'renamed' ? change.to : change.path) === folder
}
