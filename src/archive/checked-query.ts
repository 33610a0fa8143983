import { BLOOM_BYTES, isFullBloom } from '../wire/bloom.js'
import { isUint32, MAX_UINT32 } from '../wire/bytes.js'
import { decodeCursor } from '../wire/cursor.js'
import { topicNumber } from '../wire/topic.js'
import type { ArchiveQuery } from './archive.js'
import { ArchiveQueryError } from './errors.js'
import type { Position } from './position.js'

const MAX_TOPICS = 1000

/** A query as the implementations execute it. */
export interface CheckedQuery {
  lower: number
  upper: number
  /** Only what lies strictly after this (sent, hash). */
  after?: Position | undefined
  /** Ascending, without duplicates. */
  topics?: number[] | undefined
  /** Absent beside topics, and when it matches everything. */
  bloom?: Uint8Array | undefined
}

/** @throws ArchiveQueryError, or MalformedError for a cursor that is not 36 bytes */
export function checkQuery(query: ArchiveQuery): CheckedQuery {
  const { lower, upper, limit, maxBytes } = query
  if (!isUint32(lower) || !isUint32(upper)) throw new ArchiveQueryError('lower and upper are integers of 32 bits')
  if (lower > upper) throw new ArchiveQueryError('lower lies above upper')
  checkLimit(limit)
  if (maxBytes !== undefined && !(maxBytes >= 0)) throw new ArchiveQueryError('maxBytes is a number, 0 or more')
  const checked: CheckedQuery = { lower, upper }
  if (query.topics !== undefined) checked.topics = topicSet(query.topics)
  else if (query.bloom !== undefined) {
    if (query.bloom.length !== BLOOM_BYTES) throw new ArchiveQueryError('a bloom filter is 64 bytes')
    if (!isFullBloom(query.bloom)) checked.bloom = query.bloom
  }
  if (query.cursor !== undefined) {
    const cursor = decodeCursor(query.cursor)
    if (cursor.sent >= lower) checked.after = cursor
  }
  return checked
}

/** @throws ArchiveQueryError unless it is an integer of 1 or more, or `Infinity` */
export function checkLimit(limit: number): void {
  if (!(limit >= 1) || (limit !== Number.POSITIVE_INFINITY && !Number.isInteger(limit)))
    throw new ArchiveQueryError('a limit is 1 or more')
}

/** @throws ArchiveQueryError unless it is an integer of 0..2^32 */
export function checkPruneBound(before: number): void {
  if (!Number.isInteger(before) || before < 0 || before > MAX_UINT32 + 1)
    throw new ArchiveQueryError('a prune bound is Unix seconds, 0 to 2^32')
}

function topicSet(topics: Uint8Array[]): number[] {
  if (topics.length === 0 || topics.length > MAX_TOPICS) throw new ArchiveQueryError('a query has 1 to 1000 topics')
  if (topics.some(topic => topic.length !== 4)) throw new ArchiveQueryError('a topic is 4 bytes')
  return [...new Set(topics.map(topicNumber))].sort((a, b) => a - b)
}
