import { open } from 'node:fs/promises'

/** Syncs a folder: a name that came, went or was given to another file survives a power cut only after that. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return // a folder cannot be opened there
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
