import { counted } from '../../base/counted.js'
import type { BackfillProgress, BackfillSummary } from '../../bridge/backfill.js'
import type { ArchiveRules } from '../../node/backfill/backfill-node.js'
import type { BackfillParams } from '../../node/backfill/backfill-params.js'
import { ControlClient } from '../../node/control/control-client.js'
import { type DataDir, findDataDir } from '../../node/data-dir/data-dir.js'
import { formatByteSize } from '../../node/settings/byte-size.js'
import { MOMENT, parseMoment } from '../../node/settings/moment.js'
import { listOption, numberOption, plainOption, switchOption, textOption } from '../../node/settings/option.js'
import { formatPeerAddress, PEER_ADDRESS, parsePeerAddress } from '../../node/settings/peer-address.js'
import { retentionRules } from '../../node/settings/retention-config.js'
import { configOption, DEFAULT_DATA_DIR, startShape } from '../../node/settings/start-config.js'
import { parseTopicChoice, TOPIC } from '../../node/settings/topic-choice.js'
import { toHex } from '../../wire/bytes.js'
import { defineCommand, UsageError } from '../command.js'
import { checkDialect, dialectOption } from '../dialect-option.js'
import { writeJson, writeLine } from '../output.js'
import { Progress } from '../progress.js'
import { serverKey } from '../server-key.js'
import { adminShape, maxBytesOption } from '../shared-options.js'

const now = (): number => Math.floor(Date.now() / 1000)
const momentOption = (about: string, fallback?: string) =>
  textOption(text => parseMoment(text, now()), MOMENT, '<time>', about, { flagOnly: true, fallback })

/** Those of the node that decide what comes into the archive. */
const {
  retention,
  'retention-topics': retentionTopics,
  'archive-topics': archiveTopics,
  'max-ttl': maxTtl,
  'min-pow': minPow
} = startShape

export const backfill = defineCommand({
  name: 'backfill',
  about: 'fetch history from a trusted mailserver into the own archive',
  details:
    'A node that runs on the data dir does the work itself, by its own settings; else this command does, by --retention,\n' +
    '--archive-topics, --max-ttl and --min-pow, which mean the same as for start, and may come from the same file: --config.\n' +
    'A password-file there counts as well, unless --password-file names that of the other mailserver. The server must be on\n' +
    'the trust list of the data dir, or --trust be given. A run that was interrupted goes on where it stopped when it is started\n' +
    'again. A history of go-ethereum comes in parts of at most --max-bytes, cut by time.',
  fileOf: startShape,
  shape: {
    ...adminShape,
    config: configOption,
    server: textOption(parsePeerAddress, PEER_ADDRESS, '<peer>', 'the mailserver to fetch from'),
    since: momentOption('oldest time sent'),
    until: momentOption('newest time sent', 'now'),
    topics: listOption(parseTopicChoice, TOPIC, '<topic,…>', 'which topics', {
      flagOnly: true,
      fallback: 'all',
      some: true
    }),
    'password-file': plainOption('<file>', 'the password of that mailserver'),
    password: plainOption('<text>', 'the same, seen by everyone on this machine: prefer --password-file'),
    'page-size': numberOption(
      'most envelopes of a page',
      { min: 1, max: 0xffffffff, integer: true },
      { fallback: '1000' }
    ),
    dialect: dialectOption,
    pow: numberOption('proof of work of the requests', { min: 0, max: 1_000_000 }, { fallback: '0.002' }),
    'max-bytes': maxBytesOption,
    trust: switchOption('trust the server for this run', { flagOnly: true }),
    retention,
    'retention-topics': retentionTopics,
    'archive-topics': archiveTopics,
    'max-ttl': maxTtl,
    'min-pow': minPow
  },
  async run(config, _operands, context) {
    const { server, since } = config
    if (server === undefined) throw new UsageError('backfill: needs --server <peer>')
    checkDialect(server, config.dialect)
    if (since === undefined) throw new UsageError('backfill: needs --since <time>, such as --since 7d')
    const to = config.until ?? now()
    retentionRules(config)
    if (since > to) throw new UsageError('backfill: --since lies after --until')
    const key = await serverKey('backfill', config)
    const params: BackfillParams = {
      server: formatPeerAddress(server),
      from: since,
      to,
      topics: config.topics?.map(({ topic }) => toHex(topic)),
      key: key && toHex(key),
      dialect: config.dialect,
      pow: config.pow,
      pageSize: config['page-size'],
      maxBytes: config['max-bytes'],
      trust: config.trust
    }
    const dir = await findDataDir(config['data-dir'] ?? DEFAULT_DATA_DIR)
    const progress = new Progress(context.stderr)
    let kept = 0
    const onProgress = (at: unknown): void => {
      kept = (at as BackfillProgress).stored
      progress.show(barOf(at as BackfillProgress))
    }
    try {
      const warn = (line: string): void => void context.stderr.write(`waku-mailserver: ${line}\n`)
      const summary = await fetch(dir, params, { config, signal: context.signal, warn, onProgress })
      progress.end()
      if (config.json === true) await writeJson(context.stdout, { summary }, context)
      else await writeLine(context.stdout, describe(summary), context)
      return 0
    } catch (err) {
      progress.end()
      if (kept > 0)
        context.stderr.write(`waku-mailserver: ${counted(kept, 'new envelope')} kept; run it again to go on\n`)
      throw err
    }
  }
})

interface FetchOptions {
  config: ArchiveRules
  signal: AbortSignal
  warn(line: string): void
  onProgress(progress: unknown): void
}

async function fetch(dir: DataDir, params: BackfillParams, options: FetchOptions): Promise<BackfillSummary> {
  const { config, signal, warn, onProgress } = options
  const control = await ControlClient.find(dir)
  if (control !== undefined) {
    try {
      return (await control.ask('backfill', params, { signal, onProgress })) as BackfillSummary
    } finally {
      control.close()
    }
  }
  const { backfillOffline } = await import('../../node/backfill/backfill-offline.js')
  return backfillOffline(dir, params, { rules: config, signal, warn, report: onProgress })
}

const WIDTH = 24

function barOf({ done, envelopes, stored, bytes }: BackfillProgress): string {
  const full = Math.round(done * WIDTH)
  const bar = `${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}`
  const percent = `${Math.floor(done * 100)}`.padStart(3)
  return `[${bar}] ${percent} %  ${counted(envelopes, 'envelope')}, ${stored} new, ${formatByteSize(bytes)}`
}

function describe({ envelopes, stored, known, refused, bytes, pages, resumed }: BackfillSummary): string {
  const left = Object.entries(refused).filter(([, count]) => count > 0)
  const leftOut = left.length === 0 ? '' : `, left out: ${left.map(([why, count]) => `${count} by ${why}`).join(', ')}`
  const again = resumed ? 'the rest of an earlier run: ' : ''
  return (
    `${again}${counted(envelopes, 'envelope')}, ${formatByteSize(bytes)}, in ${counted(pages, 'page')}; ` +
    `${stored} new, ${known} known${leftOut}`
  )
}
