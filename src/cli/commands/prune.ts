import { counted } from '../../base/counted.js'
import { MOMENT, parseMoment } from '../../node/settings/moment.js'
import { textOption } from '../../node/settings/option.js'
import { startShape } from '../../node/settings/start-config.js'
import { ValueError } from '../../node/settings/value-error.js'
import { withArchive } from '../admin-session.js'
import { defineCommand, UsageError } from '../command.js'
import { writeJson, writeLine } from '../output.js'
import { archiveAdminShape } from '../shared-options.js'
import { formatMoment } from '../table.js'

const BEFORE = `a time that is over: ${MOMENT}`

/** A slip that names a time to come would delete everything. Throws `ValueError`. */
function parse(text: string): number {
  const now = Math.floor(Date.now() / 1000)
  const before = parseMoment(text, now)
  if (before > now) throw new ValueError(BEFORE, text)
  return before
}

export const prune = defineCommand({
  name: 'prune',
  about: 'delete the envelopes sent before a time',
  fileOf: startShape,
  shape: {
    ...archiveAdminShape,
    before: textOption(parse, BEFORE, '<time>', 'delete what was sent before this: 30d, or a time', {
      flagOnly: true
    })
  },
  async run(config, _operands, context) {
    const { before } = config
    if (before === undefined) throw new UsageError('prune: needs --before <time>, such as --before 30d')
    const ask = { before }
    const { pruned } = await withArchive(config, context, to => to<{ pruned: number }>('prune', ask))
    if (config.json === true) await writeJson(context.stdout, { pruned, before }, context)
    else
      await writeLine(
        context.stdout,
        `${counted(pruned, 'envelope')} from before ${formatMoment(before)} deleted`,
        context
      )
    return 0
  }
})
