import { counted } from '../../base/counted.js'
import { peerIdFromNodeId } from '../../devp2p/enode.js'
import { formatByteSize } from '../../node/settings/byte-size.js'
import { switchOption } from '../../node/settings/option.js'
import { retentionRules } from '../../node/settings/retention-config.js'
import { startShape } from '../../node/settings/start-config.js'
import { CourierError } from '../../transfer/errors.js'
import { type ImportProgress, type ImportSummary, runImport } from '../../transfer/import.js'
import type { ImportSource } from '../../transfer/import-source.js'
import { type Ask, withArchive } from '../admin-session.js'
import { sinkOf } from '../archive-link.js'
import { type CommandContext, defineCommand } from '../command.js'
import { writeJson, writeLine } from '../output.js'
import { Progress } from '../progress.js'
import { rangeShape, selectionOf } from '../range-options.js'
import { bar, formatRate, formatSpan } from '../rate.js'
import { archiveAdminShape } from '../shared-options.js'
import { formatMoment } from '../table.js'

/** Those of the node that decide what comes into the archive. */
const { retention, 'retention-topics': retentionTopics, 'archive-topics': archiveTopics } = startShape

/** What an archive on a full disk fails by. */
const NO_ROOM = /no space left|file too large|quota exceeded|the disk is full/i

export const importCommand = defineCommand({
  name: 'import',
  about: 'copy the envelopes of another mailserver into the own archive',
  operands: ['<source>'],
  details:
    'The source is the LevelDB folder of a mailserver of status-go or go-ethereum (stop it first; it is left as it is), the PostgreSQL\n' +
    'of one of status-go (postgres://user@host/database, the password in PGPASSWORD or ~/.pgpass), a file of "waku-mailserver\n' +
    'export", a courier file, or - for an export on standard input. Every envelope is checked. An import that was\n' +
    'interrupted goes on where it stopped when it is started again; what is here already is not stored twice. A node that runs on\n' +
    'the data dir takes it in by its own settings; else --retention and --archive-topics count, also from --config.',
  fileOf: startShape,
  shape: {
    ...archiveAdminShape,
    ...rangeShape,
    trust: switchOption('take a courier file of a peer that is not on the trust list', { flagOnly: true }),
    anew: switchOption('begin at the beginning, whatever an interrupted import noted', { flagOnly: true }),
    salvage: switchOption('read what is left of a LevelDB that does not open any more', { flagOnly: true }),
    retention,
    'retention-topics': retentionTopics,
    'archive-topics': archiveTopics
  },
  async run(config, [from], context) {
    const selection = selectionOf('import', config)
    const { useQuickKeccak } = await import('../../node/crypto/quick-keccak.js')
    await useQuickKeccak()
    const { retention, 'retention-topics': retentionTopics, 'archive-topics': archiveTopics } = config
    const rules = { retention, 'retention-topics': retentionTopics, 'archive-topics': archiveTopics }
    retentionRules(rules)
    const summary = await withArchive(
      config,
      context,
      async (ask, dir) => {
        const source = await openSource(from as string, { dataDir: dir.path, salvage: config.salvage, context })
        try {
          const peer = await checkCourier(source, ask, { trusted: config.trust === true, dataDir: config['data-dir'] })
          const progress = new Progress(context.stderr)
          let kept = 0
          const onProgress = (at: ImportProgress): void => {
            kept = at.stored
            progress.show(progressLine(at))
          }
          const { anew } = config
          const run = runImport(source, sinkOf(ask), { ...selection, anew, signal: context.signal, onProgress })
          const sum = await run
            .finally(() => progress.end())
            .catch((err: Error) => {
              const full = NO_ROOM.test(err.message)
              const again = full ? 'run it again when there is room, and it goes on' : 'run it again to go on'
              if (kept > 0 || full)
                context.stderr.write(`waku-mailserver: ${counted(kept, 'new envelope')} kept; ${again}\n`)
              throw err
            })
          return { ...sum, ...(peer === undefined ? {} : { courier: peer }) }
        } finally {
          await source.close()
        }
      },
      { rules, unbounded: true }
    )
    if (config.json === true) await writeJson(context.stdout, { summary }, context)
    else await writeLine(context.stdout, describe(summary), context)
    if (summary.unread === undefined) return 0
    await writeLine(context.stderr, `waku-mailserver: ${summary.unread}`, context)
    return 1
  }
})

interface OpenOptions {
  dataDir: string
  salvage: boolean | undefined
  context: CommandContext
}

/** What the reader of one kind of source needs is not loaded for another. */
async function openSource(from: string, { dataDir, salvage, context }: OpenOptions): Promise<ImportSource> {
  const { ExportFileSource, ExportStreamSource, kindOfPath } = await import('../../transfer/export-source.js')
  if (from === '-') return new ExportStreamSource(context.stdin)
  if (/^postgres(ql)?:/i.test(from)) {
    if (/^[^/]*\/\/[^/@]*:[^/@]+@/.test(from)) {
      context.stderr.write(
        'waku-mailserver: a password in an URL is seen by everyone on this machine: prefer PGPASSWORD or ~/.pgpass\n'
      )
    }
    const { PostgresSource } = await import('../../transfer/postgres-source.js')
    return PostgresSource.open(from)
  }
  if ((await kindOfPath(from)) === 'file') return ExportFileSource.open(from, context.signal)
  const [{ LevelSource }, { copyPlace }] = await Promise.all([
    import('../../transfer/level-source.js'),
    import('../../transfer/level-copy.js')
  ])
  return LevelSource.open(from, { place: await copyPlace(dataDir), salvage })
}

interface Courier {
  peer: string
  created: number
  since: number
  oldest: number
}

/** Who made a courier file answers for it as a server does that delivers history. Throws `CourierError`. */
async function checkCourier(
  source: ImportSource,
  ask: Ask,
  { trusted, dataDir }: { trusted: boolean; dataDir: string | undefined }
): Promise<Courier | undefined> {
  if (source.courier === undefined) return undefined
  const { from, ...rest } = source.courier
  const peer = peerIdFromNodeId(from.subarray(1)).toString()
  const list = await ask<{ peer: string; expires?: number }[]>('trust.list')
  if (trusted || list.some(entry => entry.peer === peer)) return { peer, ...rest }
  throw new CourierError(
    `the courier file was made by ${peer}, who is not trusted: add --trust for this run, or ` +
      `"waku-mailserver trust add ${peer}${dataDir === undefined ? '' : ` --data-dir ${dataDir}`}"`
  )
}

function progressLine({ done, envelopes, stored, seconds, remaining }: ImportProgress): string {
  return `${bar(done)}  ${counted(envelopes, 'envelope')}, ${stored} new, ${formatRate(envelopes, seconds, remaining)}`
}

function describe(summary: ImportSummary & { courier?: Courier }): string {
  const { source, resumed, envelopes, stored, known, refused, damaged, skipped, bytes, seconds, courier } = summary
  const left = [
    ...Object.entries(refused).map(([why, count]) => [count, `by ${why}`] as const),
    [damaged, 'damaged'] as const,
    [skipped, 'that are no envelopes'] as const
  ].filter(([count]) => count > 0)
  const leftOut = left.length === 0 ? '' : `, left out: ${left.map(([count, why]) => `${count} ${why}`).join(', ')}`
  const rate = `${formatSpan(seconds)}, ${formatRate(envelopes, seconds, undefined)}`
  const lines = [
    `${resumed ? 'the rest of an earlier run: ' : ''}${counted(envelopes, 'envelope')} from ${source}, ${formatByteSize(bytes)}: ` +
      `${stored} new, ${known} known${leftOut} (${rate})`
  ]
  if (courier !== undefined) {
    const since = formatMoment(Math.max(courier.since, courier.oldest))
    lines.push(`signed by ${courier.peer} at ${formatMoment(courier.created)}, who archives since ${since}`)
  }
  return lines.join('\n')
}
