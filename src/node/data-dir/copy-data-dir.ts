import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type CopyPlace, type CopySummary, copyArchive } from '../../transfer/archive-copy.js'
import { StorageNotice } from '../operator/storage-notice.js'
import { ConfigError } from '../settings/config.js'
import { findDataDir } from './data-dir.js'
import { identityOf } from './identity.js'
import { readIfThere, writePrivateFile } from './private-file.js'
import { type ArchiveSettings, openSharedArchive } from './shared-archive.js'
import { openStore } from './store.js'

export interface CopyDataDirOptions {
  /** From the shared archive to the data dir. */
  back: boolean
  signal: AbortSignal
  /** Told, a line at a time, what of the data dir was met damaged, put right or lost. */
  warn?: ((line: string) => void) | undefined
  onProgress?: ((summary: CopySummary) => void) | undefined
}

/** Pages between two notes of the place: what is copied once more after a break is small. */
const NOTE = 8

/**
 * Copies between the archive of a data dir that no node runs on and the one that settings name; a file in the data dir says how far it
 * came until it is done.
 * @throws ConfigError, CopyError, DataDirError, DataDirLockedError, IdentityError, ArchiveError
 */
export async function copyDataDir(
  path: string,
  settings: ArchiveSettings,
  { back, signal, warn = () => {}, onProgress }: CopyDataDirOptions
): Promise<CopySummary> {
  const dir = await findDataDir(path)
  await identityOf(dir)
  const store = await openStore(dir, { check: false })
  const notice = new StorageNotice(warn, { brief: true })
  const unwatch = store.archive.watch({ damaged: notice.onDamaged })
  try {
    const shared = await openSharedArchive(settings, { daemon: 'archive copy', create: !back })
    if (shared === undefined) throw new ConfigError('no other archive is named')
    try {
      const [from, to] = back ? [shared, store.archive] : [store.archive, shared]
      const note = join(dir.path, 'archive-copy.json')
      let pages = 0
      const summary = await copyArchive(from, to, {
        signal,
        place: placeOf(await readIfThere(note)),
        async onPlace(place, summary) {
          onProgress?.(summary)
          if (pages++ % NOTE === 0) await writePrivateFile(note, JSON.stringify(place))
        }
      })
      await rm(note, { force: true })
      return summary
    } finally {
      await shared.close()
    }
  } finally {
    unwatch()
    notice.end()
    await store.close()
  }
}

/** A note that cannot be read costs time only. */
function placeOf(text: string | undefined): CopyPlace | undefined {
  try {
    const place = JSON.parse(text ?? '') as Partial<CopyPlace>
    const texts = [place.from, place.to, place.cursor]
    if (texts.every(text => typeof text === 'string') && /^[0-9a-f]{72}$/.test(place.cursor as string))
      return place as CopyPlace
  } catch {
    // begun anew
  }
  return undefined
}
