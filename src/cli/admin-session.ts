import { anySignal } from '../base/any-signal.js'
import { ControlClient } from '../node/control/control-client.js'
import { type DataDir, findDataDir } from '../node/data-dir/data-dir.js'
import type { ArchiveSettings } from '../node/data-dir/shared-archive.js'
import type { OfflineOptions } from '../node/offline.js'
import { DEFAULT_DATA_DIR } from '../node/settings/start-config.js'
import type { CommandContext } from './command.js'

/** What names data dir and archive. */
export type AdminConfig = { 'data-dir'?: string | undefined } & ArchiveSettings

/** Carries out one command on a data dir. */
export type Ask = <T>(command: string, params?: unknown) => Promise<T>

/** How many envelopes turned out to be lost since the command opened the archive itself, at least; undefined when nothing did. */
export type LostHere = () => number | undefined

/** Looking at an archive of a data dir takes moments; deleting most of a large one, minutes. */
const DEADLINE_MS = 10 * 60_000

/** The same, on the archive that settings name: one that several nodes share may be far larger, and is not hurried. */
export function withArchive<T>(
  config: AdminConfig,
  context: CommandContext,
  use: (ask: Ask, dir: DataDir, lost: LostHere) => Promise<T>,
  options: OfflineOptions & { unbounded?: boolean } = {}
): Promise<T> {
  const unbounded = options.unbounded === true || config.archive !== undefined
  return withDataDir(config['data-dir'], context, use, { ...options, unbounded, settings: config })
}

/**
 * Asks the node that runs on the data dir, or opens its store when none does. The data dir must be there: in the wrong folder it is an error. With `salvage` a store that
 * does not open since it is damaged is mended first; `unbounded` is for what moves whole archives.
 */
export async function withDataDir<T>(
  path: string | undefined,
  context: CommandContext,
  use: (ask: Ask, dir: DataDir, lost: LostHere) => Promise<T>,
  options: OfflineOptions & { unbounded?: boolean } = {}
): Promise<T> {
  const dir = await findDataDir(path ?? DEFAULT_DATA_DIR)
  const signal =
    options.unbounded === true ? context.signal : anySignal([context.signal, AbortSignal.timeout(DEADLINE_MS)])
  const control = await ControlClient.find(dir)
  if (control !== undefined) {
    try {
      const ask: Ask = async (command, params) => (await control.ask(command, params, { signal })) as never
      return await use(ask, dir, () => undefined)
    } finally {
      control.close()
    }
  }
  // what opens a store is not loaded where a node answers
  const { openOffline } = await import('../node/offline.js')
  const warn = (line: string): void => void context.stderr.write(`waku-mailserver: ${line}\n`)
  const offline = await openOffline(dir, { ...options, warn })
  try {
    const ask: Ask = async (command, params) => (await offline.ask(command, params, { signal })) as never
    return await use(ask, dir, () => offline.lost)
  } finally {
    await offline.close()
  }
}
