import { randomBytes } from '../wire/random.js'
import type { Coverage, CoverageAnswer } from '../wire/request/coverage.js'
import {
  type DigestPart,
  type DigestQuestion,
  encodeDigestQuestion,
  equalTimes,
  MIN_SALT_BYTES
} from '../wire/request/digest.js'
import { HistoryQueryError, MisbehavingServerError } from './errors.js'
import type { HistoryQuery } from './history-query.js'

/** Which range of whom a digest is wanted of, and how it is made. */
export interface DigestAsked
  extends Omit<HistoryQuery, 'order' | 'coverage' | 'cursor' | 'limit' | 'pageSize' | 'dialect' | 'network'> {
  /**
   * 1 to 64.
   *
   * @default 1
   */
  parts?: number | undefined
  /**
   * Parts of equal time, or that hold about equally many.
   *
   * @default 'time'
   */
  by?: DigestQuestion['by'] | undefined
  /**
   * 16 to 64 bytes; must not be known to the server beforehand.
   *
   * @default random
   */
  salt?: Uint8Array | undefined
}

/** A digest, and what the server says of its range. */
export interface RangeDigest {
  coverage: Coverage
  /** Ascending; together they are the range. */
  parts: DigestPart[]
  /** For computing the same of other sets: `Fingerprint`. */
  salt: Uint8Array
}

/** @throws {HistoryQueryError} */
export function digestQuestion({
  parts = 1,
  by = 'time',
  salt = randomBytes(MIN_SALT_BYTES)
}: Pick<DigestAsked, 'parts' | 'by' | 'salt'>): DigestQuestion {
  try {
    encodeDigestQuestion({ salt, parts, by })
  } catch (cause) {
    throw new HistoryQueryError((cause as Error).message, { cause })
  }
  if (by !== 'time' && by !== 'count') throw new HistoryQueryError('a digest is by time or count')
  if (parts === 0) throw new HistoryQueryError('a digest has 1 to 64 parts')
  return { salt, parts, by }
}

/**
 * What a server answered, its parts held against the range that was asked for.
 *
 * @throws {MisbehavingServerError}
 */
export function rangeDigest(
  { coverage, digests }: CoverageAnswer,
  { salt, parts, by }: DigestQuestion,
  { lower, upper }: { lower: number; upper: number }
): RangeDigest {
  const uppers = by === 'time' ? equalTimes(lower, upper, parts) : undefined
  let next = lower
  const whole = digests.every(part => {
    const fits = part.lower === next
    next = part.upper + 1
    return fits
  })
  const expected = uppers === undefined || uppers.join() === digests.map(part => part.upper).join()
  if (!whole || next !== upper + 1 || !expected) {
    throw new MisbehavingServerError('malformed', 'the digest is of other times than were asked for')
  }
  return { coverage, parts: digests, salt }
}
