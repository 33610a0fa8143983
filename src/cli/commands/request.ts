import type { PeerId } from '@libp2p/interface'
import { counted } from '../../base/counted.js'
import type { Coverage, HistoryPage, HistoryQuery } from '../../index.js'
import { formatByteSize } from '../../node/settings/byte-size.js'
import { MOMENT, parseMoment, readMoment } from '../../node/settings/moment.js'
import {
  choiceOption,
  listOption,
  numberOption,
  plainOption,
  switchOption,
  textOption
} from '../../node/settings/option.js'
import { PEER_ADDRESS, parsePeerAddress } from '../../node/settings/peer-address.js'
import { newIdentityOption } from '../../node/settings/start-config.js'
import { parseTopicChoice, TOPIC } from '../../node/settings/topic-choice.js'
import { MAX_UINT32 } from '../../wire/bytes.js'
import { RANGE_AHEAD } from '../../wire/request/history-request.js'
import { type CommandContext, defineCommand, UsageError } from '../command.js'
import { coverageLines } from '../coverage-lines.js'
import { CURSOR, type CursorChoice, parseCursorChoice } from '../cursor-choice.js'
import { checkDialect, DIALECT_NAMES, dialectOption } from '../dialect-option.js'
import { envelopeLine } from '../envelope-line.js'
import { writeJson, writeLine } from '../output.js'
import { Progress } from '../progress.js'
import { serverKey } from '../server-key.js'
import {
  CLIENT_DATA_DIR,
  clientDataDirOption,
  DEFAULT_TIMEOUT,
  maxBytesOption,
  timeoutOption
} from '../shared-options.js'
import { topicKeys } from '../topic-keys.js'

const now = (): number => Math.floor(Date.now() / 1000)
const DAY = 86_400
/** Who was interrupted may still say how far it came. */
const LAST_WORDS_MS = 1_000

export const request = defineCommand({
  name: 'request',
  about: 'fetch history from a mailserver that you trust',
  details:
    `A mailserver of devp2p is named by its enode URL; --dialect is one of ${DIALECT_NAMES.join(', ')}.\n` +
    'Envelopes are printed as NDJSON. Those are decrypted that the named key opens, or else the key of the public channel of their\n' +
    'topic. The server must be on the trust list of this data dir (trust add --data-dir ./waku-data/client), or --trust be given.\n' +
    'With --cursor, whenever it is used, the history goes on behind what the cursor names: a --since that counts from now (24h) gives\n' +
    'way to it, one that names a time stays. The other options are those of the request that printed the cursor.\n' +
    'With --order ingest envelopes come as the server archived them, by default all there are; the cursor that is printed then brings,\n' +
    'also days later, just what the server archived since, however late it came.',
  shape: {
    'data-dir': clientDataDirOption,
    'new-identity': newIdentityOption,
    server: textOption(parsePeerAddress, PEER_ADDRESS, '<peer>', 'the mailserver'),
    topics: listOption(parseTopicChoice, TOPIC, '<topic,…>', 'which topics', {
      flagOnly: true,
      fallback: 'all',
      some: true
    }),
    since: textOption(text => readMoment(text, now()), MOMENT, '<time>', 'oldest time sent', {
      flagOnly: true,
      fallback: '24h'
    }),
    until: textOption(text => parseMoment(text, now()), MOMENT, '<time>', 'newest time sent', {
      flagOnly: true,
      fallback: 'now'
    }),
    order: choiceOption(['time', 'ingest'], 'as they were sent, or as the server archived them', {
      flagOnly: true,
      fallback: 'that of the cursor, or time'
    }),
    coverage: switchOption('say what may be missing: times without the server, damage, what was deleted', {
      flagOnly: true
    }),
    limit: numberOption('most envelopes in all', { min: 1, max: MAX_UINT32, integer: true }, { flagOnly: true }),
    'page-size': numberOption(
      'most envelopes of a page',
      { min: 1, max: MAX_UINT32, integer: true },
      { fallback: '1000' }
    ),
    cursor: textOption(parseCursorChoice, CURSOR, '<cursor>', 'go on where an earlier request to this server ended', {
      flagOnly: true
    }),
    'password-file': plainOption('<file>', 'the password of the mailserver'),
    password: plainOption('<text>', 'the same, seen by everyone on this machine: prefer --password-file'),
    'key-password-file': plainOption('<file>', 'decrypt with the key of this password'),
    'key-file': plainOption('<file>', 'decrypt with this key: 32 bytes, raw or as 64 hex digits'),
    dialect: dialectOption,
    pow: numberOption('proof of work of the requests', { min: 0, max: 1_000_000 }, { fallback: '0.002' }),
    'max-bytes': maxBytesOption,
    timeout: timeoutOption('how long to wait for a connection'),
    trust: switchOption('trust the server for this run', { flagOnly: true }),
    raw: switchOption('print the bytes of each envelope too', { flagOnly: true }),
    json: switchOption('end with a summary as JSON', { flagOnly: true })
  },
  async run(config, _operands, context) {
    const { server, topics, cursor } = config
    if (server === undefined) throw new UsageError('request: needs --server <peer>')
    checkDialect(server, config.dialect)
    if (cursor?.server !== undefined && cursor.server !== server.peer.toString()) {
      throw new UsageError('request: --cursor is that of another server than --server')
    }
    const key = await serverKey('request', config)
    const keysOf = await topicKeys(topics ?? [], config)
    const order = config.order ?? cursor?.order ?? 'time'
    if (cursor !== undefined && cursor.order !== order) {
      throw new UsageError(`request: --cursor goes on in the order of ${cursor.order}, not of ${order}`)
    }
    // what comes late may be old
    const since = config.since ?? { seconds: order === 'ingest' ? 0 : now() - DAY, relative: order === 'time' }
    // what counts from now has moved on since the cursor was printed; one in ingest order is behind all that came since, however old
    const from = cursor !== undefined && since.relative ? (cursor.sent ?? 0) : since.seconds
    checkRange(from, config.until, cursor)
    const { ClientPeer } = await import('../../node/peer/client-peer.js')
    const client = await ClientPeer.open({
      dataDir: config['data-dir'] ?? CLIENT_DATA_DIR,
      newIdentity: config['new-identity'],
      trustOnly: config.trust === true ? server.peer : undefined,
      mailclient: { maxRequestBytes: config['max-bytes'] }
    })
    try {
      client.requireTrust(server.peer)
      await client.dial(server, { signal: context.signal, timeout: (config.timeout ?? DEFAULT_TIMEOUT) * 1000 })
      const query: HistoryQuery = {
        server: server.peer,
        from,
        to: config.until,
        topics: topics?.map(({ topic }) => topic),
        order,
        coverage: config.coverage,
        limit: config.limit,
        pageSize: config['page-size'],
        cursor: cursor && `${cursor.server ?? server.peer}/${cursor.digits}`,
        requestKey: key,
        signWith: client.privateKey.raw,
        dialect: config.dialect,
        network: server.network,
        pow: config.pow,
        signal: context.signal
      }
      const summary = newSummary(server.peer, order)
      const json = config.json === true
      try {
        await print(client.mailclient.history(query), summary, { keysOf, raw: config.raw === true }, context)
      } catch (err) {
        // what came before is not lost: another request goes on from there
        const signal = AbortSignal.timeout(LAST_WORDS_MS)
        if (summary.cursor !== undefined) await writeSummary(summary, json, { ...context, signal }).catch(() => {})
        throw err
      }
      if (order === 'ingest') summary.complete = summary.envelopes < (config.limit ?? Number.POSITIVE_INFINITY)
      await writeSummary(summary, json, context)
      if (!json && summary.coverage !== undefined)
        for (const line of coverageLines(summary.coverage, from)) await writeLine(context.stderr, line, context)
      return summary.damaged > 0 ? 1 : 0
    } finally {
      await client.close()
    }
  }
})

/** @throws UsageError */
function checkRange(from: number, until: number | undefined, cursor: CursorChoice | undefined): void {
  const to = until ?? now() + RANGE_AHEAD
  if (from > to) {
    const later = cursor?.sent === from ? '--cursor lies' : '--since lies'
    throw new UsageError(`request: ${later} after ${until === undefined ? 'now' : '--until'}`)
  }
  if (cursor?.sent === undefined) return
  if (cursor.sent < from) {
    throw new UsageError('request: --cursor lies before --since: give the --since that it was printed for, or none')
  }
  if (cursor.sent > to) throw new UsageError('request: --cursor lies after --until')
}

interface Summary {
  server: string
  envelopes: number
  decrypted: number
  pages: number
  bytes: number
  /** Envelopes that were dropped since they were not asked for. */
  foreign: number
  /** Envelopes, at least, that the server left out since they are damaged on its disk. */
  damaged: number
  order: 'time' | 'ingest'
  /** Of the last page, where it was asked for. */
  coverage?: Omit<Coverage, 'sequence'> | undefined
  /** Whether the server said that nothing more matches. */
  complete: boolean
  /** Where another request goes on: when there is more, in ingest order always. */
  cursor?: string | undefined
}

function newSummary(server: PeerId, order: Summary['order']): Summary {
  return {
    server: server.toString(),
    envelopes: 0,
    decrypted: 0,
    pages: 0,
    bytes: 0,
    foreign: 0,
    damaged: 0,
    order,
    complete: false
  }
}

/** Prints the envelopes of each page, and keeps count in `summary`. */
async function print(
  pages: AsyncIterable<HistoryPage>,
  summary: Summary,
  { keysOf, raw }: { keysOf: (topic: Uint8Array) => readonly Uint8Array[]; raw: boolean },
  { stdout, stderr, signal }: CommandContext
): Promise<void> {
  const progress = new Progress(stderr)
  try {
    for await (const page of pages) {
      for (const envelope of page.envelopes) {
        const line = envelopeLine(envelope, keysOf(envelope.topic), { raw })
        await writeJson(stdout, line, { signal })
        summary.envelopes++
        summary.bytes += envelope.size
        if (line.payload !== undefined) summary.decrypted++
        progress.show(`${counted(summary.envelopes, 'envelope')}, ${formatByteSize(summary.bytes)}`)
      }
      summary.pages++
      summary.foreign += page.foreign
      summary.damaged += page.damaged
      summary.cursor = page.cursor
      if (page.coverage !== undefined) {
        const { sequence, ...coverage } = page.coverage
        summary.coverage = coverage
      }
      summary.complete = page.cursor === undefined
    }
  } finally {
    progress.end()
  }
}

async function writeSummary(summary: Summary, json: boolean, context: CommandContext): Promise<void> {
  if (json) return writeJson(context.stdout, { summary }, context)
  const { envelopes, decrypted, pages, bytes, foreign, damaged, cursor } = summary
  const more =
    cursor === undefined
      ? summary.damaged > 0
        ? 'that is all that can be read there'
        : 'that is all'
      : `${summary.complete ? 'that is all for now; later' : 'there is more'}: --cursor ${cursor}`
  const line = `${counted(envelopes, 'envelope')} (${decrypted} decrypted), ${formatByteSize(bytes)}, in ${counted(pages, 'page')}; ${more}`
  await writeLine(context.stderr, line, context)
  if (damaged > 0)
    await writeLine(context.stderr, `${damaged} or more are missing: they are damaged on the server's disk`, context)
  if (foreign > 0) await writeLine(context.stderr, `${foreign} more came that were not asked for: dropped`, context)
}
