import { formatByteSize } from '../../node/settings/byte-size.js'
import { DURATION, isDuration, parseDuration } from '../../node/settings/duration.js'
import { parseMoment } from '../../node/settings/moment.js'
import { byteSizeOption, plainOption, textOption } from '../../node/settings/option.js'
import { parsePeerName } from '../../node/settings/peer-address.js'
import { ValueError } from '../../node/settings/value-error.js'
import type { TrustEntry } from '../../trust/trust-entry.js'
import { withDataDir } from '../admin-session.js'
import { defineCommand, UsageError } from '../command.js'
import { writeJson, writeLine } from '../output.js'
import { adminShape } from '../shared-options.js'
import { formatMoment, table } from '../table.js'

const EXPIRES = `a time to come: ${DURATION} from now, or ISO 8601`

/** Unlike other times, one ahead of us. Throws `ValueError`. */
function parseExpiry(text: string): number {
  const now = Math.floor(Date.now() / 1000)
  const expires = isDuration(text.trim()) ? now + parseDuration(text) : momentOf(text, now)
  if (expires <= now || expires > 0xffffffff) throw new ValueError(EXPIRES, text)
  return expires
}

function momentOf(text: string, now: number): number {
  try {
    return parseMoment(text, now)
  } catch {
    throw new ValueError(EXPIRES, text)
  }
}

function peerOf(text: string): string {
  try {
    return parsePeerName(text).toString()
  } catch (err) {
    throw (err as Error).name === 'ValueError' ? new UsageError((err as Error).message) : err
  }
}

/** A spoiled record may be called by what names no peer. */
function recordOf(text: string): string {
  try {
    return peerOf(text)
  } catch {
    return text
  }
}

const DETAILS =
  'The list decides from whom this peer takes expired envelopes. post and request are peers of their own: name their data dir\n' +
  '(--data-dir ./waku-data/client) to change whom they trust. A running node takes changes at once.'

export const trustAdd = defineCommand({
  name: 'trust add',
  about: 'trust a peer to deliver expired envelopes',
  operands: ['<peer or peer id>'],
  details: DETAILS,
  shape: {
    ...adminShape,
    label: plainOption('<text>', 'a name for people', { flagOnly: true }),
    expires: textOption(parseExpiry, EXPIRES, '<time>', 'when trust ends: 7d from now, or a time', {
      flagOnly: true,
      fallback: 'never'
    }),
    bytes: byteSizeOption(
      'most bytes taken from it in any 24 hours',
      { min: 1, max: Number.MAX_SAFE_INTEGER },
      { flagOnly: true, fallback: 'no limit' }
    )
  },
  async run(config, [name = ''], context) {
    const peer = peerOf(name)
    const params = { peer, label: config.label, expires: config.expires, bytesPerDay: config.bytes }
    const entry = await withDataDir(config['data-dir'], context, ask => ask<TrustEntry>('trust.add', params))
    if (config.json === true) await writeJson(context.stdout, entry, context)
    else await writeLine(context.stdout, `${peer} is trusted`, context)
    return 0
  }
})

export const trustRemove = defineCommand({
  name: 'trust remove',
  about: 'trust a peer no longer',
  operands: ['<peer or peer id>'],
  details: DETAILS,
  shape: adminShape,
  async run(config, [name = ''], context) {
    const peer = recordOf(name)
    const removal = withDataDir(config['data-dir'], context, to => to<{ removed: boolean }>('trust.remove', { peer }))
    const { removed } = await removal.catch((err: Error) => {
      throw err.name === 'TrustEntryError' ? new UsageError(err.message) : err
    })
    if (config.json === true) await writeJson(context.stdout, { peer, removed }, context)
    else await writeLine(context.stdout, removed ? `${peer} is no longer trusted` : `${peer} was not trusted`, context)
    return removed ? 0 : 1
  }
})

export const trustList = defineCommand({
  name: 'trust list',
  about: 'list the trusted peers',
  details: DETAILS,
  shape: adminShape,
  async run(config, _operands, context) {
    const entries = await withDataDir(config['data-dir'], context, ask => ask<TrustEntry[]>('trust.list'))
    if (config.json === true) await writeJson(context.stdout, entries, context)
    else if (entries.length === 0) await writeLine(context.stdout, 'nobody is trusted', context)
    else
      await writeLine(context.stdout, table(['peer', 'added', 'expires', 'bytes', 'label'], entries.map(row)), context)
    return 0
  }
})

function row({ peer, label, added, expires, bytesPerDay }: TrustEntry): string[] {
  return [
    peer,
    formatMoment(added),
    expires === undefined ? 'never' : formatMoment(expires),
    bytesPerDay === undefined ? 'no limit' : `${formatByteSize(bytesPerDay)} a day`,
    label ?? ''
  ]
}
