import { counted } from '../../base/counted.js'
import { formatByteSize } from '../../node/settings/byte-size.js'
import { startShape } from '../../node/settings/start-config.js'
import { withArchive } from '../admin-session.js'
import { defineCommand } from '../command.js'
import { writeJson, writeLine } from '../output.js'
import { archiveAdminShape } from '../shared-options.js'
import { formatMoment } from '../table.js'

interface Stats {
  running: boolean
  archive: {
    envelopes: number
    bytes: number
    topics: number
    oldest?: number
    newest?: number
    damaged?: { envelopes: number; first: number; last: number }
    lastSeq: number
  }
  trusted: number
  keys: number
}

export const stats = defineCommand({
  name: 'stats',
  about: 'say what the archive holds, and what the running node counted',
  fileOf: startShape,
  shape: archiveAdminShape,
  async run(config, _operands, context) {
    const answer = await withArchive(config, context, ask => ask<Stats>('stats'))
    if (config.json === true) await writeJson(context.stdout, answer, context)
    else await writeLine(context.stdout, describe(answer), context)
    return 0
  }
})

function describe({ running, archive, trusted, keys, ...rest }: Stats): string {
  const { envelopes, bytes, topics, oldest, newest, lastSeq, damaged } = archive
  const range =
    oldest === undefined || newest === undefined ? '' : `, sent ${formatMoment(oldest)} to ${formatMoment(newest)}`
  const lines = [
    `node      ${running ? 'running' : 'not running'}`,
    `archive   ${counted(envelopes, 'envelope')} of ${counted(topics, 'topic')}, ${formatByteSize(bytes)}${range}`,
    `ingested  ${lastSeq} since it was made`,
    `trusted   ${counted(trusted, 'peer')}`,
    `keys      ${keys}`
  ]
  if (damaged !== undefined) {
    const { first, last } = damaged
    const times = `first met ${formatMoment(first)}, last ${formatMoment(last)}`
    lines.push(`damaged   ${counted(damaged.envelopes, 'envelope')} or more, ${times}: run "waku-mailserver verify"`)
  }
  for (const [name, value] of Object.entries(flatten(rest))) if (value !== 0) lines.push(`${name}  ${value}`)
  return lines.join('\n')
}

/** `counters.envelopes_stored` for what is nested. */
function flatten(values: Record<string, unknown>, prefix = ''): Record<string, unknown> {
  return Object.assign(
    {},
    ...Object.entries(values).map(([key, value]) =>
      typeof value === 'object' && value !== null
        ? flatten(value as Record<string, unknown>, `${prefix}${key}.`)
        : { [`${prefix}${key}`]: value }
    )
  )
}
