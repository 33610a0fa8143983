import { setTimeout as sleep } from 'node:timers/promises'
import type { View } from '../../admin/view.js'
import { ControlClient } from '../../node/control/control-client.js'
import { findDataDir } from '../../node/data-dir/data-dir.js'
import { durationOption, switchOption } from '../../node/settings/option.js'
import { DEFAULT_DATA_DIR } from '../../node/settings/start-config.js'
import { defineCommand } from '../command.js'
import { writeJson, writeLine } from '../output.js'
import { adminShape } from '../shared-options.js'
import { topScreen } from '../top-screen.js'

/** There is nothing to look at. */
export class NotRunningError extends Error {
  static override readonly name = 'NotRunningError'
  override readonly name = 'NotRunningError'
}

const HOME_AND_CLEAR = '\u001b[H\u001b[J'
const PIPED = { rows: Number.POSITIVE_INFINITY, columns: Number.POSITIVE_INFINITY }

export const top = defineCommand({
  name: 'top',
  about: 'watch the running node in the terminal',
  details:
    'Shows what the page of the admin listener shows, until Ctrl-C. Where nobody watches the output it is printed once. With\n' +
    '--json each look is an object on a line.',
  shape: {
    ...adminShape,
    every: durationOption('how often to look', { min: 1, max: 3600 }, { flagOnly: true, fallback: '2s' }),
    once: switchOption('look once', { flagOnly: true })
  },
  async run(config, _operands, context) {
    const { stdout, signal } = context
    const terminal = stdout as { isTTY?: boolean; rows?: number; columns?: number }
    const once = config.once === true || (terminal.isTTY !== true && config.json !== true)
    const dir = await findDataDir(config['data-dir'] ?? DEFAULT_DATA_DIR)
    const control = await ControlClient.find(dir)
    if (control === undefined) throw new NotRunningError('no node runs on this data dir: run "waku-mailserver start"')
    try {
      for (;;) {
        const view = (await control.ask('view', {}, { signal })) as View
        if (config.json === true) await writeJson(stdout, view, context)
        else if (once) await writeLine(stdout, topScreen(view, PIPED), context)
        else {
          const { rows = 24, columns = 80 } = terminal
          await writeLine(stdout, HOME_AND_CLEAR + topScreen(view, { rows: rows - 1, columns }), context)
        }
        if (once) return 0
        await sleep((config.every ?? 2) * 1000, undefined, { signal })
      }
    } catch (err) {
      // Ctrl-C is how it is left
      if (signal.aborted) return 0
      throw err
    } finally {
      control.close()
    }
  }
})
