import { counted } from '../../base/counted.js'
import { switchOption } from '../../node/settings/option.js'
import { archiveShape, DEFAULT_DATA_DIR } from '../../node/settings/start-config.js'
import { defineCommand, UsageError } from '../command.js'
import { writeJson, writeLine } from '../output.js'
import { Progress } from '../progress.js'
import { adminShape } from '../shared-options.js'

export const archiveCopy = defineCommand({
  name: 'archive copy',
  about: 'copy the archive of a data dir to Cassandra, or back',
  details:
    'The node on the data dir is stopped meanwhile; those on Cassandra may run. A copy that was broken off goes on where it ended.\n' +
    'What is there already is not stored twice, and in the end digests of both are compared.',
  shape: {
    ...adminShape,
    ...archiveShape,
    back: switchOption('from Cassandra to the data dir', { flagOnly: true })
  },
  async run(config, _operands, context) {
    const { stdout, stderr, signal } = context
    if (config.archive === undefined) throw new UsageError('archive copy: --archive names the one on Cassandra')
    const [{ copyDataDir }, { useQuickKeccak }] = await Promise.all([
      import('../../node/data-dir/copy-data-dir.js'),
      import('../../node/crypto/quick-keccak.js')
    ])
    await useQuickKeccak()
    const progress = new Progress(stderr)
    const summary = await copyDataDir(config['data-dir'] ?? DEFAULT_DATA_DIR, config, {
      back: config.back === true,
      signal,
      warn: line => void stderr.write(`waku-mailserver: ${line}\n`),
      onProgress: ({ envelopes }) => progress.show(counted(envelopes, 'envelope'))
    }).finally(() => progress.end())
    if (config.json === true) await writeJson(stdout, { summary }, { signal })
    else {
      const { envelopes, stored, compared } = summary
      const text = `${counted(envelopes, 'envelope')} looked at, ${stored} new there, ${compared} compared by digest`
      await writeLine(stdout, text, { signal })
    }
    return 0
  }
})
