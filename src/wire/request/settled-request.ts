import { MAX_UINT32 } from '../bytes.js'
import { MalformedError } from '../errors.js'
import { decodeCursor } from './cursor.js'
import { type DigestQuestion, decodeDigestQuestion } from './digest.js'
import { ExtensionKey, type Extensions } from './extension.js'
import { RequestError, RequestErrorCode } from './request-error.js'
import { type HistoryRequest, MAX_LIMIT, RANGE_AHEAD } from './request-shape.js'
import { decodeSequenceCursor, type SequenceCursor } from './sequence-cursor.js'

/** A request whose defaults were filled in: what the archive is asked. */
export interface SettledRequest {
  /** Unix seconds, inclusive, lower <= upper. */
  lower: number
  upper: number
  /** Given, `bloom` is absent: topics beat a bloom filter. */
  topics?: Uint8Array[] | undefined
  bloom?: Uint8Array | undefined
  /** 1..maxLimit; where nothing limits it, 2^32-1. */
  limit: number
  /** 36 bytes; its time lies within the range. */
  cursor?: Uint8Array | undefined
  /** The answer comes in ingest order, after this; then there is no `cursor`. */
  sequence?: SequenceCursor | 'beginning' | undefined
  /** Coverage is asked for, and with one part or more a digest in place of envelopes. */
  digest?: DigestQuestion | undefined
}

/** What becomes of a limit above the maximum: taken as the maximum, refused, or (`stream`) no limit holds at all. */
export type LimitRule = 'clamp' | 'refuse' | 'stream'

/**
 * Fills in what a request left to the server: an upper bound of 0 is now + 60, a limit of 0 or above the maximum is
 * the maximum, unless `limitRule` says otherwise.
 * @param options.now Unix seconds
 * @throws RequestError range, filter or cursor; malformed, for an extension that cannot be read; not allowed, for a refused limit
 */
export function settleRequest(
  request: HistoryRequest,
  {
    now,
    maxLimit = MAX_LIMIT,
    limitRule = 'clamp'
  }: { now: number; maxLimit?: number | undefined; limitRule?: LimitRule | undefined }
): SettledRequest {
  const { lower, topics, bloom, cursor } = request
  const upper = request.upper === 0 ? Math.min(Math.floor(now) + RANGE_AHEAD, MAX_UINT32) : request.upper
  if (lower > upper) throw new RequestError(RequestErrorCode.range, `lower ${lower} is above upper ${upper}`)
  const limit = settleLimit(request.limit, maxLimit, limitRule)
  const settled: SettledRequest = { lower, upper, limit }
  if (topics !== undefined) settled.topics = topics
  else if (bloom !== undefined) settled.bloom = bloom
  else throw new RequestError(RequestErrorCode.filter, 'a request needs topics or a bloom filter')
  if (cursor !== undefined) {
    const { sent } = decodeCursor(cursor)
    if (sent < lower || sent > upper) throw new RequestError(RequestErrorCode.cursor, 'the cursor is out of the range')
    settled.cursor = cursor
  }
  if (request.extensions !== undefined) settleExtensions(settled, request.extensions)
  return settled
}

function settleExtensions(settled: SettledRequest, extensions: Extensions): void {
  const sequence = extensions.get(ExtensionKey.sequence)
  const digest = extensions.get(ExtensionKey.coverage)
  if (sequence !== undefined) {
    const empty = !sequence.isList && sequence.payload.length === 0
    settled.sequence = empty
      ? 'beginning'
      : reading(RequestErrorCode.cursor, () => {
          if (sequence.isList) throw new MalformedError('a sequence cursor is no list')
          return decodeSequenceCursor(sequence.payload)
        })
  }
  if (digest !== undefined) settled.digest = reading(RequestErrorCode.malformed, () => decodeDigestQuestion(digest))
  const orders = [settled.cursor, settled.sequence, settled.digest?.parts || undefined]
  if (orders.filter(order => order !== undefined).length > 1) {
    throw new RequestError(RequestErrorCode.cursor, 'a cursor, a sequence cursor and a digest exclude each other')
  }
}

function reading<T>(code: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof MalformedError) throw new RequestError(code, error.message, { cause: error })
    throw error
  }
}

function settleLimit(limit: number, maxLimit: number, rule: LimitRule): number {
  if (rule === 'stream') return MAX_UINT32
  if (limit === 0) return maxLimit
  if (limit > maxLimit && rule === 'refuse') {
    throw new RequestError(RequestErrorCode.notAllowed, 'limit exceeds the maximum allowed value')
  }
  return Math.min(limit, maxLimit)
}
