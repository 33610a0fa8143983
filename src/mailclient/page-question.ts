import type { MailLine } from '../waku/mail-exchange.js'
import { envelopeMatchesBloom } from '../wire/envelope/bloom.js'
import { DIALECTS } from '../wire/request/dialect.js'
import type { Dialect, HistoryRequest } from '../wire/request/history-request.js'
import { CannotContinueError, HistoryQueryError, IngestOrderError } from './errors.js'
import type { HistoryPlan } from './history-query.js'
import { extensionsOf } from './page-extensions.js'
import type { PageRules } from './page-judge.js'
import type { Sealing } from './request-seal.js'

/** How the requests of a walk are written. */
export interface QuestionOptions {
  dialect: Dialect | undefined
  signWith: Uint8Array | undefined
  pow: number
}

/** What one request says, how it is sealed, and what its answer is held against. */
export interface PageQuestion {
  request: HistoryRequest
  dialect: Dialect
  sealing: Sealing
  signWith: Uint8Array | undefined
  pow: number
  rules: Omit<PageRules, 'position' | 'ingest'>
}

/**
 * The request for one page, as the server at the end of this line reads it. One that streams (`rules.streamed`) is asked
 * for the whole range, whatever the cursor says.
 *
 * @param page.after cursor of the page before, 36 bytes; in ingest order 16
 * @param page.limit most envelopes
 * @throws {HistoryQueryError} when such a server is not asked in the dialect
 * @throws {CannotContinueError} when the dialect has no place for the cursor
 * @throws {IngestOrderError} when it has none for what is asked besides
 */
export function askFor(
  page: { after: Uint8Array | undefined; limit: number },
  plan: HistoryPlan,
  options: QuestionOptions,
  { codec, network }: MailLine
): PageQuestion {
  const { lower, upper, topics, bloom, sealing, wants, order } = plan
  const { signWith, pow, dialect = codec.defaultDialect } = options
  if (!codec.dialects.includes(dialect)) {
    throw new HistoryQueryError(`such a server is asked in ${codec.dialects.join(', ')}`)
  }
  const traits = DIALECTS[dialect]
  const legacy = network === 'devp2p'
  const streamed = traits.limit === 'stream' && legacy
  const { after, limit } = page
  const request: HistoryRequest = { lower, upper, bloom, limit, batch: true }
  if (traits.topics) request.topics = topics
  const extensions = extensionsOf({ ...plan, after })
  if (extensions !== undefined) {
    if (dialect !== 'spec6t' || legacy) {
      throw new IngestOrderError('ingest order, coverage and digests are asked for in spec6t, over libp2p')
    }
    request.extensions = extensions
  }
  if (after !== undefined && order === 'time') {
    if (traits.cursor) request.cursor = after
    else if (!streamed) throw new CannotContinueError(`there is more, but ${dialect} has no place for a cursor`)
  }
  return {
    request,
    dialect,
    sealing,
    signWith,
    pow,
    rules: {
      lower,
      upper,
      limit: streamed ? Number.POSITIVE_INFINITY : limit,
      // some legacy servers look at the bloom filter alone
      asked: traits.topics && !legacy ? wants : ({ topic }) => envelopeMatchesBloom(bloom, topic),
      wants,
      strict: !legacy,
      streamed
    }
  }
}
