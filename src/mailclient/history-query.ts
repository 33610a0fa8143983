import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type PeerTarget, targetOf } from '../base/peer-target.js'
import * as FIGURES from '../limits/figures.js'
import type { Network } from '../waku/packet-channel.js'
import { isUint32, MAX_UINT32 } from '../wire/bytes.js'
import { checkBoolean, checkBytes, checkNumber, checkTopics, describe } from '../wire/checks.js'
import { BLOOM_BYTES, bloomOf, envelopeMatchesBloom, fullBloom, isFullBloom } from '../wire/envelope/bloom.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { topicNumber } from '../wire/envelope/topic.js'
import { checkOptions } from '../wire/options.js'
import { DIALECTS } from '../wire/request/dialect.js'
import type { DigestQuestion } from '../wire/request/digest.js'
import { type Dialect, MAX_REQUEST_TOPICS, RANGE_AHEAD } from '../wire/request/history-request.js'
import { HistoryQueryError } from './errors.js'
import { type HistoryCursor, readCursor } from './history-cursor.js'
import type { Sealing } from './request-seal.js'

/** Which history is wanted, and from whom. */
export interface HistoryQuery {
  /** Must be on the trust list. Named by a multiaddr it is dialled there. */
  server: PeerTarget
  /** Oldest `sent`, Unix seconds, inclusive. */
  from: number
  /**
   * Newest `sent`, Unix seconds, inclusive.
   *
   * @default a minute from now, fixed when the first page is asked for
   */
  to?: number | undefined
  /** 4 bytes each, 1 to 1000 of them. */
  topics?: Uint8Array[] | undefined
  /**
   * 64 bytes; not used beside topics.
   *
   * @default without topics: everything
   */
  bloom?: Uint8Array | undefined
  /**
   * Most envelopes in all.
   *
   * @default all there are
   */
  limit?: number | undefined
  /**
   * Most envelopes of a page, 1 to 2^32-1; servers have a limit of their own.
   *
   * @default 1000
   */
  pageSize?: number | undefined
  /**
   * The order in which envelopes come: as they were sent, or as the server archived them. In ingest order nothing that came
   * late or was dated back is missed by who goes on where the last page ended, also days later; mailservers of this protocol
   * know it, legacy ones do not.
   *
   * @default 'time'
   */
  order?: 'time' | 'ingest' | undefined
  /**
   * Whether each page is to say what may be missing: `coverage`.
   *
   * @default false
   */
  coverage?: boolean | undefined
  /** Go on where an earlier page of this server, range, filter and order ended. */
  cursor?: HistoryCursor | undefined
  /** The symmetric key that the server opens requests with, 32 bytes: not the one that opens messages. */
  requestKey?: Uint8Array | undefined
  /** In place of `requestKey`: the secp256k1 public key that the request is sealed to, 33 or 65 bytes. For devp2p servers. */
  requestPublicKey?: Uint8Array | undefined
  /** secp256k1 private key, 32 bytes; in place of the service's. */
  signWith?: Uint8Array | undefined
  /** In place of the service's. */
  pow?: number | undefined
  /**
   * The form of the requests.
   *
   * @default what is usual at such a server
   */
  dialect?: Dialect | undefined
  /**
   * How to reach the server.
   *
   * @default libp2p when there is a choice
   */
  network?: Network | undefined
  /** In place of the service's: how often a page is asked for again. */
  retries?: number | undefined
  /** In place of the service's: for how long a line that was lost is tried to get back, in ms. */
  reconnectTimeout?: number | undefined
  /** Ends the history; what it was aborted with is thrown. */
  signal?: AbortSignal | undefined
}

/** A query with everything settled that does not depend on the server's network. */
export interface HistoryPlan {
  readonly server: PeerId
  /** Where to dial it, if that was said. */
  readonly address: Multiaddr | undefined
  readonly lower: number
  readonly upper: number
  readonly topics: Uint8Array[] | undefined
  readonly bloom: Uint8Array
  readonly limit: number
  readonly pageSize: number
  readonly order: 'time' | 'ingest'
  readonly coverage: boolean
  /** In place of envelopes. */
  readonly digest?: DigestQuestion | undefined
  readonly cursor: Uint8Array | undefined
  readonly sealing: Sealing
  /** Whether envelopes of its topic are wanted. */
  wants(envelope: Pick<Envelope, 'topic' | 'topicNumber'>): boolean
}

/** What a query may have, and what else it may where a digest is asked for. */
const NAMES = {
  ...{ server: 1, from: 1, to: 1, topics: 1, bloom: 1, limit: 1, pageSize: 1, order: 1, coverage: 1, cursor: 1 },
  ...{ requestKey: 1, requestPublicKey: 1, signWith: 1, pow: 1, dialect: 1, network: 1, retries: 1 },
  ...{ reconnectTimeout: 1, signal: 1, parts: 1, by: 1, salt: 1 }
} satisfies Record<keyof HistoryQuery | 'parts' | 'by' | 'salt', 1>

/**
 * @param now Unix seconds
 * @throws {HistoryQueryError}
 * @throws {HistoryCursorError}
 */
export function planHistory(query: HistoryQuery, now: number): HistoryPlan {
  checkOptions(query, 'a query', NAMES, HistoryQueryError)
  const { from: lower, requestKey: key, requestPublicKey: publicKey, topics } = query
  const { peer: server, address } = targetOf(query.server, HistoryQueryError)
  const upper = query.to ?? Math.min(Math.floor(now) + RANGE_AHEAD, MAX_UINT32)
  if (!isUint32(lower) || !isUint32(upper)) {
    throw new HistoryQueryError(
      `from and to are integers of Unix seconds, not ${describe(lower)} and ${describe(upper)}`
    )
  }
  if (upper === 0) throw new HistoryQueryError('to is above 0; leave it out for now')
  if (lower > upper) throw new HistoryQueryError('from lies after to')
  checkKeys(query)
  for (const name of ['pow', 'retries', 'reconnectTimeout'] as const) {
    if (query[name] !== undefined) checkNumber(query[name], name, HistoryQueryError)
  }
  const limit = query.limit ?? Number.POSITIVE_INFINITY
  if (typeof limit !== 'number' || !(limit >= 1) || (Number.isFinite(limit) && !Number.isInteger(limit))) {
    throw new HistoryQueryError('limit is an integer of 1 or more')
  }
  const pageSize = query.pageSize ?? FIGURES.page.envelopes
  if (!isUint32(pageSize) || pageSize === 0) throw new HistoryQueryError('pageSize is an integer of 1 to 2^32-1')
  const bloom = settleBloom(query)
  const { order = 'time', coverage = false } = query
  if (order !== 'time' && order !== 'ingest') throw new HistoryQueryError('order is time or ingest')
  checkBoolean(coverage, 'coverage', HistoryQueryError)
  const numbers = topics && new Set(topics.map(topicNumber))
  const everything = isFullBloom(bloom)
  return {
    server,
    address,
    lower,
    upper,
    topics,
    bloom,
    limit,
    pageSize,
    order,
    coverage,
    cursor: query.cursor === undefined ? undefined : readCursor(server, query.cursor, order),
    sealing: { key, publicKey },
    // of everything nothing is looked at
    wants: envelope =>
      numbers === undefined
        ? everything || envelopeMatchesBloom(bloom, envelope.topic)
        : numbers.has(envelope.topicNumber)
  }
}

function checkKeys({ requestKey: key, requestPublicKey: publicKey, signWith, dialect }: HistoryQuery): void {
  if (key !== undefined) checkBytes(key, 'requestKey', HistoryQueryError, 32)
  if (publicKey !== undefined) checkBytes(publicKey, 'requestPublicKey', HistoryQueryError, 33, 65)
  if (signWith !== undefined) checkBytes(signWith, 'signWith', HistoryQueryError, 32)
  if (dialect !== undefined && !Object.hasOwn(DIALECTS, dialect)) {
    throw new HistoryQueryError(`a dialect is one of ${Object.keys(DIALECTS).join(', ')}, not ${describe(dialect)}`)
  }
  const sealed = dialect === undefined || DIALECTS[dialect].sealed
  if (sealed && key === undefined && publicKey === undefined) {
    throw new HistoryQueryError(
      'the request key is missing: requestKey is what keyFromPassword makes of the password of the server'
    )
  }
}

function settleBloom({ topics, bloom }: HistoryQuery): Uint8Array {
  if (bloom !== undefined) checkBytes(bloom, 'a bloom filter', HistoryQueryError, BLOOM_BYTES)
  if (topics !== undefined) {
    checkTopics(topics, HistoryQueryError)
    if (topics.length === 0 || topics.length > MAX_REQUEST_TOPICS) {
      throw new HistoryQueryError(`a history has 1 to ${MAX_REQUEST_TOPICS} topics, or none are named`)
    }
    return bloomOf(topics)
  }
  return bloom ?? fullBloom()
}
