import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Who holds the lock of a LevelDB folder, a process id; undefined when nobody does, or it cannot be told. Go programs lock by
 * flock, which the lock of LevelDB in C++ does not see: both would write. Linux lists both kinds.
 */
export async function lockOwner(folder: string): Promise<number | undefined> {
  try {
    const { ino } = await stat(join(folder, 'LOCK'))
    return ownerOf(await readFile('/proc/locks', 'utf8'), ino)
  } catch {
    return undefined
  }
}

/** `1: FLOCK  ADVISORY  WRITE 4242 fe:01:131090 0 EOF` */
function ownerOf(locks: string, inode: number): number | undefined {
  for (const line of locks.split('\n')) {
    const [, , , , pid, file] = line.replace(/->\s*/, '').trim().split(/\s+/)
    if (file?.endsWith(`:${inode}`)) return Number(pid)
  }
  return undefined
}
