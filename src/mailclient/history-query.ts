import type { PeerId } from '@libp2p/interface'
import type { Network } from '../waku/packet-channel.js'
import { BLOOM_BYTES, bloomOf, envelopeMatchesBloom, fullBloom, isFullBloom } from '../wire/bloom.js'
import { isUint32, MAX_UINT32 } from '../wire/bytes.js'
import { DIALECTS } from '../wire/dialect.js'
import { type Dialect, MAX_REQUEST_TOPICS } from '../wire/history-request.js'
import { topicNumber } from '../wire/topic.js'
import { HistoryQueryError } from './errors.js'
import { type HistoryCursor, readCursor } from './history-cursor.js'
import type { Sealing } from './request-seal.js'

/** Which history is wanted, and from whom. */
export interface HistoryQuery {
  /** Must be on the trust list. */
  server: PeerId
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
  /** Go on where an earlier page of this server, range and filter ended. */
  cursor?: HistoryCursor | undefined
  /** The symmetric key that the server opens requests with, 32 bytes. */
  key?: Uint8Array | undefined
  /** In place of `key`: the secp256k1 public key that the request is sealed to, 33 or 65 bytes. For devp2p servers. */
  publicKey?: Uint8Array | undefined
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
  /** Ends the history; what it was aborted with is thrown. */
  signal?: AbortSignal | undefined
}

/** A query with everything settled that does not depend on the server's network. */
export interface HistoryPlan {
  readonly server: PeerId
  readonly lower: number
  readonly upper: number
  readonly topics: Uint8Array[] | undefined
  readonly bloom: Uint8Array
  readonly limit: number
  readonly pageSize: number
  readonly cursor: Uint8Array | undefined
  readonly sealing: Sealing
  /** Whether envelopes of a topic are wanted. */
  wants(topic: Uint8Array): boolean
}

/** How far an open end reaches ahead, in seconds: as far as a server takes it. */
const AHEAD = 60
const PAGE_SIZE = 1000

/**
 * @param now Unix seconds
 * @throws {HistoryQueryError}
 * @throws {HistoryCursorError}
 */
export function planHistory(query: HistoryQuery, now: number): HistoryPlan {
  const { server, from: lower, key, publicKey, topics } = query
  const upper = query.to ?? Math.min(Math.floor(now) + AHEAD, MAX_UINT32)
  if (!isUint32(lower) || !isUint32(upper)) throw new HistoryQueryError('a time is an integer of Unix seconds')
  if (upper === 0) throw new HistoryQueryError('to is above 0; leave it out for now')
  if (lower > upper) throw new HistoryQueryError('from lies after to')
  checkKeys(query)
  const limit = query.limit ?? Number.POSITIVE_INFINITY
  if (!(limit >= 1) || (Number.isFinite(limit) && !Number.isInteger(limit))) {
    throw new HistoryQueryError('limit is an integer of 1 or more')
  }
  const pageSize = query.pageSize ?? PAGE_SIZE
  if (!isUint32(pageSize) || pageSize === 0) throw new HistoryQueryError('pageSize is an integer of 1 to 2^32-1')
  const bloom = settleBloom(query)
  const numbers = topics && new Set(topics.map(topicNumber))
  const everything = isFullBloom(bloom)
  return {
    server,
    lower,
    upper,
    topics,
    bloom,
    limit,
    pageSize,
    cursor: query.cursor === undefined ? undefined : readCursor(server, query.cursor),
    sealing: { key, publicKey },
    wants: topic =>
      numbers === undefined ? everything || envelopeMatchesBloom(bloom, topic) : numbers.has(topicNumber(topic))
  }
}

function checkKeys({ key, publicKey, dialect }: HistoryQuery): void {
  if (key !== undefined && key.length !== 32) throw new HistoryQueryError('the request key is 32 bytes')
  if (publicKey !== undefined && publicKey.length !== 33 && publicKey.length !== 65) {
    throw new HistoryQueryError('a public key is 33 or 65 bytes')
  }
  const sealed = dialect === undefined || DIALECTS[dialect].sealed
  if (sealed && key === undefined && publicKey === undefined) throw new HistoryQueryError('the request key is missing')
}

function settleBloom({ topics, bloom }: HistoryQuery): Uint8Array {
  if (topics !== undefined) {
    if (topics.length === 0 || topics.length > MAX_REQUEST_TOPICS) {
      throw new HistoryQueryError(`a history has 1 to ${MAX_REQUEST_TOPICS} topics, or none are named`)
    }
    if (topics.some(topic => topic.length !== 4)) throw new HistoryQueryError('a topic is 4 bytes')
    return bloomOf(topics)
  }
  if (bloom === undefined) return fullBloom()
  if (bloom.length !== BLOOM_BYTES) throw new HistoryQueryError(`a bloom filter is ${BLOOM_BYTES} bytes`)
  return bloom
}
