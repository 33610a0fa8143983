import type { Coverage } from '../wire/coverage.js'
import type { DigestPart, DigestQuestion } from '../wire/digest.js'
import { MisbehavingServerError } from './errors.js'
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

/**
 * Holds the parts of a digest against the range that was asked for.
 *
 * @param uppers - where each part has to end, where that is known
 * @throws {MisbehavingServerError}
 */
export function checkDigest(
  parts: readonly DigestPart[],
  { lower, upper }: { lower: number; upper: number },
  uppers: readonly number[] | undefined
): void {
  let next = lower
  const whole = parts.every(part => {
    const fits = part.lower === next
    next = part.upper + 1
    return fits
  })
  const expected = uppers === undefined || uppers.join() === parts.map(part => part.upper).join()
  if (!whole || next !== upper + 1 || !expected) {
    throw new MisbehavingServerError('malformed', 'the digest is of other times than were asked for')
  }
}
