import { isUint32, MAX_UINT32 } from '../wire/bytes.js'
import { checkBytes, checkTopics, describe } from '../wire/checks.js'
import { BLOOM_BYTES, bloomTest, isFullBloom } from '../wire/envelope/bloom.js'
import { Envelope } from '../wire/envelope/envelope.js'
import { topicNumber } from '../wire/envelope/topic.js'
import { decodeCursor } from '../wire/request/cursor.js'
import { MAX_DIGEST_PARTS, MIN_SALT_BYTES } from '../wire/request/digest.js'
import type { ArchiveFilter, ArchiveQuery, ArchiveTrim, DigestQuery, SequenceQuery } from './archive.js'
import { ArchiveQueryError } from './errors.js'
import type { Position } from './position.js'
import type { TopicChoice } from './topic-floors.js'

const MAX_TOPICS = 1000

/** Which envelopes are meant, as the implementations read it. */
export interface CheckedFilter {
  lower: number
  upper: number
  /** Ascending, without duplicates. */
  topics?: number[] | undefined
  /** Absent beside topics, and when it matches everything. */
  bloom?: Uint8Array | undefined
  onVisited?: ArchiveQuery['onVisited']
}

/** A query as the implementations execute it. */
export interface CheckedQuery extends CheckedFilter {
  /** Only what lies strictly after this (sent, hash). */
  after?: Position | undefined
}

/** @throws ArchiveQueryError, or MalformedError for a cursor that is not 36 bytes */
export function checkQuery(query: ArchiveQuery): CheckedQuery {
  checkPage(query)
  const checked: CheckedQuery = { ...checkFilter(query), onVisited: query.onVisited }
  if (query.cursor !== undefined) {
    const cursor = decodeCursor(query.cursor)
    if (cursor.sent >= query.lower) checked.after = cursor
  }
  return checked
}

/**
 * @param lastSeq - last sequence number given out
 * @throws ArchiveQueryError
 */
export function checkSequence(query: SequenceQuery, lastSeq: number): CheckedFilter {
  checkPage(query)
  const { after } = query
  if (!Number.isSafeInteger(after) || after < 0)
    throw new ArchiveQueryError('a sequence number is an integer, 0 or more')
  if (after > lastSeq) throw new ArchiveQueryError('a sequence number was not given out yet')
  return { ...checkFilter(query), onVisited: query.onVisited }
}

/** @throws ArchiveQueryError */
export function checkDigest(query: DigestQuery): CheckedFilter {
  const { parts, salt } = query
  if (!Number.isInteger(parts) || parts < 1 || parts > MAX_DIGEST_PARTS)
    throw new ArchiveQueryError(`a digest has 1 to ${MAX_DIGEST_PARTS} parts`)
  if (salt.length < MIN_SALT_BYTES) throw new ArchiveQueryError(`a salt is ${MIN_SALT_BYTES} bytes or more`)
  return checkFilter(query)
}

/** The topics that a filter means, or what tells them; absent when all are. */
export function meantTopics({ topics, bloom }: CheckedFilter): number[] | ((topic: number) => boolean) | undefined {
  return topics ?? (bloom && bloomTest(bloom))
}

/** @throws ArchiveQueryError */
function checkRange({ lower, upper }: Pick<ArchiveFilter, 'lower' | 'upper'>): void {
  if (!isUint32(lower) || !isUint32(upper)) throw new ArchiveQueryError('lower and upper are integers of 32 bits')
  if (lower > upper) throw new ArchiveQueryError('lower lies above upper')
}

function checkPage({ limit, maxBytes }: Pick<ArchiveQuery, 'limit' | 'maxBytes'>): void {
  checkLimit(limit)
  if (maxBytes !== undefined && !(maxBytes >= 0)) throw new ArchiveQueryError('maxBytes is a number, 0 or more')
}

export function checkFilter(query: ArchiveFilter): CheckedFilter {
  checkRange(query)
  const checked: CheckedFilter = { lower: query.lower, upper: query.upper }
  if (query.topics !== undefined) checked.topics = topicSet(query.topics)
  else if (query.bloom !== undefined) {
    checkBytes(query.bloom, 'a bloom filter', ArchiveQueryError, BLOOM_BYTES)
    if (!isFullBloom(query.bloom)) checked.bloom = query.bloom
  }
  return checked
}

/** @throws ArchiveQueryError unless it is an integer of 1 or more, or `Infinity` */
function checkLimit(limit: number): void {
  if (!(limit >= 1) || (limit !== Number.POSITIVE_INFINITY && !Number.isInteger(limit)))
    throw new ArchiveQueryError('a limit is 1 or more')
}

/** @throws ArchiveQueryError */
export function checkEnvelopes(envelopes: readonly Envelope[]): void {
  if (!Array.isArray(envelopes)) throw new ArchiveQueryError(`envelopes are an array, not ${describe(envelopes)}`)
  for (const envelope of envelopes) {
    if (!(envelope instanceof Envelope))
      throw new ArchiveQueryError(`an envelope is what decodeEnvelope returns, not ${describe(envelope)}`)
  }
}

/** How much a trim deletes, the whole of a second or nothing of it. */
export interface TrimBounds {
  /** No more than so many envelopes, but those of the oldest second all the same; `Infinity` for as many as there are. */
  most: number
  /** Until so many are deleted, and so many bytes; both `Infinity` where only `most` and the time tell. */
  envelopes: number
  bytes: number
}

/** A trim as the implementations execute it. */
export interface CheckedTrim extends TopicChoice, TrimBounds {
  before: number
  /** Whether some number tells when to end. */
  counted: boolean
}

/** @throws ArchiveQueryError */
export function checkTrim({ before, topics, except, most, envelopes, bytes }: ArchiveTrim): CheckedTrim {
  checkPruneBound(before)
  if (topics !== undefined && except !== undefined)
    throw new ArchiveQueryError('a trim is of some topics, or of all but some')
  for (const number of [most, envelopes, bytes])
    if (number !== undefined && !(Number.isInteger(number) && number >= 1))
      throw new ArchiveQueryError(`a trim counts to an integer of 1 or more, not ${describe(number)}`)
  return {
    before,
    topics: topics && topicSet(topics),
    except: except && topicSet(except),
    most: most ?? Number.POSITIVE_INFINITY,
    envelopes: envelopes ?? (bytes === undefined ? Number.POSITIVE_INFINITY : 0),
    bytes: bytes ?? (envelopes === undefined ? Number.POSITIVE_INFINITY : 0),
    counted: most !== undefined || envelopes !== undefined || bytes !== undefined
  }
}

/**
 * Up to when there is room.
 * @param found - in the order of time
 * @param first - nothing was deleted yet: the oldest second goes in any case
 * @returns the first time that stays, or absent when all goes
 */
export function cutOf(
  found: readonly { sent: number; size: number }[],
  { most, envelopes, bytes }: TrimBounds,
  first: boolean
): number | undefined {
  const oldest = found[0]?.sent
  let taken = 0
  let takenBytes = 0
  let second: number | undefined
  for (const { sent, size } of found) {
    if (sent !== second && taken >= envelopes && takenBytes >= bytes) return sent
    second = sent
    taken += 1
    takenBytes += size
    if (taken > most && !(first && sent === oldest)) return sent
  }
  return undefined
}

/** @throws ArchiveQueryError unless it is an integer of 0..2^32 */
function checkPruneBound(before: number): void {
  if (!Number.isInteger(before) || before < 0 || before > MAX_UINT32 + 1)
    throw new ArchiveQueryError('a prune bound is Unix seconds, 0 to 2^32')
}

function topicSet(topics: Uint8Array[]): number[] {
  if (topics.length === 0 || topics.length > MAX_TOPICS) throw new ArchiveQueryError('a query has 1 to 1000 topics')
  checkTopics(topics, ArchiveQueryError)
  return [...new Set(topics.map(topicNumber))].sort((a, b) => a - b)
}
