import { constants, type FileHandle, open, readdir } from 'node:fs/promises'

/** Folders below a data dir, and one more. */
const DEEPEST = 4

/**
 * Gives what root made in another user's folder to that user: a node that runs as its own user could not open a database that root looked
 * after meanwhile. Does nothing for anyone but root, and outside Linux.
 * The folder is in the hands of that user, so nothing is followed out of it: each file is opened by the folder that it was seen in, and one
 * that has a second name, or is of a third user, is left alone.
 * @throws Error of the system
 */
export async function giveToOwner(folder: string): Promise<void> {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return
  const root = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY).catch(ifThere)
  if (root === undefined) return
  try {
    const { uid, gid } = await root.stat()
    if (uid !== 0) await giveContents(root, { uid, gid }, DEEPEST)
  } finally {
    await root.close()
  }
}

interface Owner {
  uid: number
  gid: number
}

async function giveContents(folder: FileHandle, owner: Owner, depth: number): Promise<void> {
  if (depth === 0) return
  const place = `/proc/self/fd/${folder.fd}`
  for (const entry of await readdir(place, { withFileTypes: true })) {
    if (entry.isFile() || entry.isDirectory()) await give(`${place}/${entry.name}`, owner, depth)
  }
}

async function give(path: string, owner: Owner, depth: number): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(ifThere)
  if (file === undefined) return
  try {
    const found = await file.stat()
    const isFolder = found.isDirectory()
    if (found.uid === 0 && (isFolder || (found.isFile() && found.nlink === 1))) await file.chown(owner.uid, owner.gid)
    if (isFolder) await giveContents(file, owner, depth - 1)
  } finally {
    await file.close()
  }
}

/** LevelDB deletes files as it goes, and a person the folder of a node that runs; ELOOP is a link that took a file's place. */
function ifThere(err: NodeJS.ErrnoException): undefined {
  if (err.code !== 'ENOENT' && err.code !== 'ELOOP') throw err
}
