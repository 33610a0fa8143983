import { ControlClient } from '../node/control/control-client.js'
import { type DataDir, findDataDir } from '../node/data-dir/data-dir.js'
import type { OfflineOptions } from '../node/offline.js'
import { DEFAULT_DATA_DIR } from '../node/settings/start-config.js'
import type { CommandContext } from './command.js'

/** Carries out one command on a data dir. */
export type Ask = <T>(command: string, params?: unknown) => Promise<T>

/** Looking at an archive takes moments; deleting most of a large one, minutes. */
const DEADLINE_MS = 10 * 60_000

/**
 * Asks the node that runs on the data dir, or opens its store when none does. The data dir must be there: in the wrong folder it is an error. With `salvage` a store that
 * does not open since it is damaged is mended first; `unbounded` is for what moves whole archives.
 */
export async function withDataDir<T>(
  path: string | undefined,
  context: CommandContext,
  use: (ask: Ask, dir: DataDir) => Promise<T>,
  options: OfflineOptions & { unbounded?: boolean } = {}
): Promise<T> {
  const dir = await findDataDir(path ?? DEFAULT_DATA_DIR)
  const signal =
    options.unbounded === true ? context.signal : AbortSignal.any([context.signal, AbortSignal.timeout(DEADLINE_MS)])
  const control = await ControlClient.find(dir)
  if (control !== undefined) {
    try {
      return await use(async (command, params) => (await control.ask(command, params, { signal })) as never, dir)
    } finally {
      control.close()
    }
  }
  // what opens a store is not loaded where a node answers
  const { openOffline } = await import('../node/offline.js')
  const offline = await openOffline(dir, options)
  try {
    return await use(async (command, params) => (await offline.ask(command, params, { signal })) as never, dir)
  } finally {
    await offline.close()
  }
}
