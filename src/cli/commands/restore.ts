import { counted } from '../../base/counted.js'
import { formatByteSize } from '../../node/settings/byte-size.js'
import { DEFAULT_DATA_DIR } from '../../node/settings/start-config.js'
import { defineCommand } from '../command.js'
import { writeJson, writeLine } from '../output.js'
import { Progress } from '../progress.js'
import { formatRate } from '../rate.js'
import { adminShape } from '../shared-options.js'
import { formatMoment } from '../table.js'

export const restore = defineCommand({
  name: 'restore',
  about: 'make a data dir out of a backup',
  operands: ['<file>'],
  details:
    'The data dir must not exist yet, or be empty; it is there when it holds what the backup promises, and not before. The file -\n' +
    'is standard input. It is the same peer as the node that was backed up: the two must never run at the same time.',
  shape: adminShape,
  async run(config, [from], context) {
    const { stdout, stderr, stdin, signal } = context
    const [{ exportItems }, { useQuickKeccak }, { restore }] = await Promise.all([
      import('../../transfer/export-source.js'),
      import('../../node/crypto/quick-keccak.js'),
      import('../../node/data-dir/restore.js')
    ])
    await useQuickKeccak()
    const progress = new Progress(stderr)
    const started = performance.now()
    const seconds = (): number => (performance.now() - started) / 1000
    const dir = config['data-dir'] ?? DEFAULT_DATA_DIR
    const summary = await restore(exportItems(from as string, stdin), dir, {
      signal,
      onProgress: ({ envelopes }) =>
        progress.show(`${counted(envelopes, 'envelope')}, ${formatRate(envelopes, seconds(), undefined)}`)
    }).finally(() => progress.end())
    if (config.json === true) await writeJson(stdout, { summary }, { signal })
    else {
      const { envelopes, bytes, created } = summary
      const text = `${dir}: ${counted(envelopes, 'envelope')}, ${formatByteSize(bytes)}, as backed up at ${formatMoment(created)}`
      await writeLine(stdout, text, { signal })
      await writeLine(stdout, 'it is the same peer as before: never run both at the same time', { signal })
    }
    return 0
  }
})
