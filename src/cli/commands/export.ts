import { counted } from '../../base/counted.js'
import { identityOf } from '../../node/data-dir/identity.js'
import { formatByteSize } from '../../node/settings/byte-size.js'
import { choiceOption, plainOption, switchOption } from '../../node/settings/option.js'
import { startShape } from '../../node/settings/start-config.js'
import type { ExportEnd } from '../../transfer/export-item.js'
import { writeExport } from '../../transfer/export-writer.js'
import { checkFree, writeStream, writeWholeFile } from '../../transfer/whole-file.js'
import { readUint32 } from '../../wire/bytes.js'
import { publicKeyOf } from '../../wire/payload/signature.js'
import { withArchive } from '../admin-session.js'
import { headOf, pagesOf } from '../archive-link.js'
import { defineCommand, UsageError } from '../command.js'
import { leftOut } from '../left-out.js'
import { throwGone, writeJson, writeLine } from '../output.js'
import { Progress } from '../progress.js'
import { rangeShape, selectionOf } from '../range-options.js'
import { bar, formatRate } from '../rate.js'
import { archiveAdminShape, forceOption } from '../shared-options.js'

export const exportCommand = defineCommand({
  name: 'export',
  about: 'write the archive, or a part of it, to a file that "import" reads',
  details:
    'Compressed by gzip. A node may run meanwhile. What was there when it began and is not pruned meanwhile is in it. With\n' +
    '--courier the identity of the data dir signs the file: another mailserver can tell by whom it is, and that it is whole.\n' +
    'The forms are described in protocols/export.md.',
  fileOf: startShape,
  shape: {
    ...archiveAdminShape,
    ...rangeShape,
    output: plainOption('<file>', 'where to; - is standard output', { flagOnly: true, fallback: '-' }),
    force: forceOption,
    form: choiceOption(['binary', 'json'], 'JSON lines are larger, and any program reads them', {
      flagOnly: true,
      fallback: 'binary'
    }),
    'no-compress': switchOption('leave it as it is', { flagOnly: true }),
    courier: switchOption('sign it by the identity of the data dir', { flagOnly: true })
  },
  async run(config, _operands, context) {
    const { output = '-', form = 'binary', courier } = config
    const selection = selectionOf('export', config)
    const { stdout, stderr, signal } = context
    if (courier === true && form === 'json') throw new UsageError('export: a courier file has the binary form')
    if (
      output === '-' &&
      'isTTY' in stdout &&
      stdout.isTTY === true &&
      (form === 'binary' || config['no-compress'] !== true)
    )
      throw new UsageError('export: name a file with --output, or send the output to one')
    if (output !== '-') await checkFree(output, { replace: config.force === true })
    const { useQuickKeccak } = await import('../../node/crypto/quick-keccak.js')
    await useQuickKeccak()
    const started = performance.now()
    const summary = await withArchive(
      config,
      context,
      async (ask, dir, lost) => {
        const { newest = 0, envelopes: _, ...head } = await headOf(ask, selection)
        const signWith = courier === true ? (await identityOf(dir)).raw : undefined
        const progress = new Progress(stderr)
        let end: ExportEnd | undefined
        const sum = { envelopes: 0, bytes: 0, damaged: 0 }
        let first: number | undefined
        const pages = pagesOf(ask, selection, ({ raws, cursor, damaged }) => {
          sum.envelopes += raws.length
          sum.damaged += damaged
          sum.bytes += raws.reduce((bytes, raw) => bytes + raw.length, 0)
          const at = cursor === undefined ? newest : readUint32(cursor)
          first ??= Math.max(selection.lower, head.coverage.oldest, Math.min(at, head.coverage.since))
          const until = Math.min(newest, selection.upper)
          const done = until > first ? Math.max(0, (at - first) / (until - first)) : 1
          const seconds = (performance.now() - started) / 1000
          const remaining = done > 0 ? (seconds * (1 - done)) / done : undefined
          progress.show(
            `${bar(done)}  ${counted(sum.envelopes, 'envelope')}, ${formatRate(sum.envelopes, seconds, remaining)}`
          )
        })
        const from = signWith === undefined ? undefined : publicKeyOf(signWith)
        const onEnd = (how: ExportEnd): void => {
          end = how
        }
        const bytes = writeExport(form, { head: { ...head, from }, pages, signWith, onEnd })
        const options = { signal, compress: config['no-compress'] !== true, replace: config.force === true }
        try {
          if (output === '-') await writeStream(stdout, bytes, options).catch(throwGone)
          else await writeWholeFile(output, bytes, options)
        } finally {
          progress.end()
        }
        return { ...sum, lost: lost(), count: end?.count ?? 0, seconds: (performance.now() - started) / 1000 }
      },
      { unbounded: true }
    )
    const tell = output === '-' ? stderr : stdout
    if (config.json === true) await writeJson(tell, { summary }, { signal })
    else {
      const { envelopes, bytes, seconds } = summary
      const text = `${counted(envelopes, 'envelope')}, ${formatByteSize(bytes)}, ${formatRate(envelopes, seconds, undefined)}${leftOut(summary)}`
      await writeLine(tell, text, { signal })
    }
    return 0
  }
})
