import type { ArchiveReport } from '../../archive/archive.js'
import { atMost } from '../../archive/gap-list.js'
import { counted } from '../../base/counted.js'
import type { DataDir } from '../../node/data-dir/data-dir.js'
import { startShape } from '../../node/settings/start-config.js'
import { type AdminConfig, type Ask, type LostHere, withArchive } from '../admin-session.js'
import { type CommandContext, defineCommand } from '../command.js'
import { writeJson, writeLine } from '../output.js'
import { archiveAdminShape } from '../shared-options.js'
import { formatMoment } from '../table.js'

/** So many times are named: where there are more, neighbours are one. */
const MAX_TIMES = 20

export const verify = defineCommand({
  name: 'verify',
  about: 'read the whole archive and say what is wrong with it',
  details:
    'Exits with 1 when something is wrong, or was lost since this command opened the archive: a node may run meanwhile, and then\n' +
    'finds and tells that itself.',
  fileOf: startShape,
  shape: archiveAdminShape,
  async run(config, _operands, context) {
    const { report, lost } = await inspect('verify', config, context)
    return isSound(report) && lost === undefined ? 0 : 1
  }
})

export const repair = defineCommand({
  name: 'repair',
  about: 'drop what is damaged in the archive, and make its indexes and counts anew',
  details:
    'On Cassandra the counts are made anew from the rows, and a row that a quorum of its copies has lost is dropped: where a node was\n' +
    'away for long, "nodetool repair" there comes first.\n' +
    'Says which times "waku-mailserver backfill" should fetch again from another mailserver. A node may run meanwhile: it takes\n' +
    'envelopes in again when the repair is over.',
  fileOf: startShape,
  shape: archiveAdminShape,
  async run(config, _operands, context) {
    await inspect('repair', config, context)
    return 0
  }
})

async function inspect(
  command: 'verify' | 'repair',
  config: AdminConfig & { json?: boolean | undefined },
  context: CommandContext
): Promise<{ report: ArchiveReport; lost: number | undefined }> {
  const ask = async (ask: Ask, _: DataDir, lost: LostHere) => ({
    report: await ask<ArchiveReport>(command),
    lost: lost()
  })
  const found = await withArchive(config, context, ask, { salvage: command === 'repair' })
  const { report } = found
  if (config.json === true) await writeJson(context.stdout, report, context)
  else await writeLine(context.stdout, describe(command, report), context)
  return found
}

function isSound({ damaged, missing, index, countsWrong, files }: ArchiveReport): boolean {
  return damaged === 0 && missing === 0 && index === 0 && files === 0 && !countsWrong
}

function describe(command: 'verify' | 'repair', report: ArchiveReport): string {
  const { envelopes, damaged, missing, index, countsWrong, files, restored, gaps } = report
  const lines = [`${counted(envelopes, 'envelope is as it was', 'envelopes are as they were')} stored`]
  const mended = command === 'repair'
  if (isSound(report) && restored === 0 && gaps.length === 0) return `${lines[0]}; nothing is wrong`
  if (restored > 0)
    lines.push(`${counted(restored, 'damaged part', 'damaged parts')} of the database's files put right`)
  if (mended && files > restored)
    lines.push(`${counted(files - restored, 'damaged part')} of the database's files could not be put right: left out`)
  if (!mended && files > 0) lines.push(`${counted(files, 'damaged part')} of the database's files`)
  if (damaged > 0) lines.push(`${counted(damaged, 'envelope')} or more damaged${mended ? ': dropped' : ''}`)
  if (missing > 0) lines.push(`${counted(missing, 'envelope')} stored, and gone`)
  const lost = gaps.reduce((sum, { count }) => sum + count, 0) - damaged - missing
  if (lost > 0) lines.push(`${counted(lost, 'envelope')} lost with parts that were left out`)
  if (index > 0)
    lines.push(`${counted(index, 'entry', 'entries')} or more of indexes wrong${mended ? ': made anew' : ''}`)
  if (countsWrong) lines.push(`the counts are wrong${mended ? ': counted anew' : ''}`)
  if (gaps.length > 0) lines.push('waku-mailserver backfill may fetch these times again from another mailserver:')
  for (const { from, until } of atMost(gaps, MAX_TIMES))
    lines.push(`  --since ${from} --until ${until}   (${formatMoment(from)} to ${formatMoment(until)})`)
  if (gaps.length > MAX_TIMES)
    lines.push(`  (${gaps.length} times, of which neighbours are one here: --json tells each)`)
  if (!mended && !isSound(report)) lines.push('waku-mailserver repair drops what is damaged and mends the rest')
  return lines.join('\n')
}
