import { compareBytes, MAX_UINT32 } from '../bytes.js'
import { MalformedError, UnencodableError } from '../errors.js'
import { decodeUint, type RlpItem } from '../rlp.js'
import { children, encodeStructure, type Structure, uint } from '../structure.js'
import { FINGERPRINT_BYTES, Fingerprint } from './fingerprint.js'

/** What key 2 of a request asks for (protocols/mailserver.md). */
export interface DigestQuestion {
  /** The asker's, new each time: 16 to 64 bytes; of no meaning when only coverage is asked for. */
  salt: Uint8Array
  /** 1..64; 0 asks for coverage beside the usual answer. */
  parts: number
  /** Whether the parts cover equal times, or hold about equally many envelopes. */
  by: 'time' | 'count'
}

/** One part of a digest: the envelopes with lower <= sent <= upper that match. */
export interface DigestPart {
  /** Unix seconds, inclusive. */
  lower: number
  upper: number
  count: number
  /** 32 bytes; absent where the hashes are given instead. */
  fingerprint?: Uint8Array | undefined
  /** 32 bytes each, in ascending order; there when they are few. */
  hashes?: Uint8Array[] | undefined
}

export const MAX_DIGEST_PARTS = 64
export const MIN_SALT_BYTES = 16
const MAX_SALT_BYTES = 64
/** Most hashes of all parts together: they and their headers fit a completion. */
export const MAX_HASHES = 256

/** @throws UnencodableError when the parts are not 0..64, or the salt is too short or too long for them */
export function encodeDigestQuestion({ salt, parts, by }: DigestQuestion): Uint8Array {
  if (!Number.isInteger(parts) || parts < 0 || parts > MAX_DIGEST_PARTS) {
    throw new UnencodableError(`a digest has 0 to ${MAX_DIGEST_PARTS} parts`)
  }
  if (salt.length > MAX_SALT_BYTES || (parts > 0 && salt.length < MIN_SALT_BYTES)) {
    throw new UnencodableError(`a salt is ${MIN_SALT_BYTES} to ${MAX_SALT_BYTES} bytes`)
  }
  return encodeStructure([salt, uint(parts), ...(by === 'count' ? [uint(1)] : [])])
}

/**
 * Reads `[salt, parts]` or `[salt, parts, by]`; further items are ignored.
 * @throws MalformedError also when the parts are more than 64, or the salt is too short or too long for them
 */
export function decodeDigestQuestion(item: RlpItem): DigestQuestion {
  const [salt, partsItem, byItem] = children(item, { max: 16 })
  if (salt === undefined || partsItem === undefined) throw new MalformedError('a digest needs a salt and parts')
  const parts = decodeUint(partsItem, { max: MAX_UINT32 })
  if (parts > MAX_DIGEST_PARTS) throw new MalformedError(`a digest has at most ${MAX_DIGEST_PARTS} parts`)
  const length = salt.payload.length
  if (salt.isList || length > MAX_SALT_BYTES || (parts > 0 && length < MIN_SALT_BYTES)) {
    throw new MalformedError(`the salt of a digest is ${MIN_SALT_BYTES} to ${MAX_SALT_BYTES} bytes`)
  }
  const by = byItem === undefined ? 0 : decodeUint(byItem, { max: MAX_UINT32 })
  if (by > 1) throw new MalformedError('the parts of a digest are of equal time (0) or equal count (1)')
  return { salt: salt.payload, parts, by: by === 1 ? 'count' : 'time' }
}

/** How many envelopes a part may have for its hashes to be given instead of a fingerprint. */
export function hashesPerPart(parts: number): number {
  return Math.floor(MAX_HASHES / Math.max(1, parts))
}

/**
 * Where parts of equal time end: the upper bound of each, in ascending order. No more parts than seconds.
 * @param lower - Unix seconds, lower <= upper
 */
export function equalTimes(lower: number, upper: number, parts: number): number[] {
  const seconds = upper - lower + 1
  const count = Math.min(parts, seconds)
  return Array.from({ length: count }, (_, i) => lower + Math.floor(((i + 1) * seconds) / count) - 1)
}

/** Parts in ascending order: `[[lower, upper, count, fingerprint or [hash, …]], …]`. */
export function digestStructure(parts: readonly DigestPart[]): Structure[] {
  return parts.map(({ lower, upper, count, fingerprint, hashes }) => [
    uint(lower),
    uint(upper),
    uint(count),
    hashes ?? fingerprint ?? new Uint8Array(FINGERPRINT_BYTES)
  ])
}

/** @throws MalformedError also when parts overlap or go backwards, or a part has another number of hashes than it says */
export function decodeDigestParts(item: RlpItem): DigestPart[] {
  let before = -1
  return children(item, { max: MAX_DIGEST_PARTS }).map(part => {
    const [lowerItem, upperItem, countItem, content] = children(part, { max: 16 })
    if (lowerItem === undefined || upperItem === undefined || countItem === undefined || content === undefined) {
      throw new MalformedError('a part of a digest is its bounds, a count and a fingerprint')
    }
    const lower = decodeUint(lowerItem, { max: MAX_UINT32 })
    const upper = decodeUint(upperItem, { max: MAX_UINT32 })
    const count = decodeUint(countItem, { max: Number.MAX_SAFE_INTEGER })
    if (lower > upper || lower <= before) throw new MalformedError('the parts of a digest overlap')
    before = upper
    if (!content.isList) {
      if (content.payload.length !== FINGERPRINT_BYTES) throw new MalformedError('a fingerprint is 32 bytes')
      return { lower, upper, count, fingerprint: content.payload }
    }
    return { lower, upper, count, hashes: hashesOf(content, count) }
  })
}

function hashesOf(content: RlpItem, count: number): Uint8Array[] {
  const hashes = children(content, { max: MAX_HASHES }).map(hash => {
    if (hash.isList || hash.payload.length !== 32) throw new MalformedError('a hash is 32 bytes')
    return hash.payload
  })
  if (hashes.length !== count) throw new MalformedError('a part of a digest has another number of hashes than it says')
  hashes.forEach((hash, i) => {
    if (i > 0 && compareBytes(hashes[i - 1] as Uint8Array, hash) >= 0) {
      throw new MalformedError('the hashes of a digest are not in ascending order')
    }
  })
  return hashes
}

/** The fingerprint that a part has, or its hashes give, under the salt that was asked with. */
export function fingerprintOf({ fingerprint, hashes = [] }: DigestPart, salt: Uint8Array): Uint8Array {
  if (fingerprint !== undefined) return fingerprint
  const sum = new Fingerprint(salt)
  for (const hash of hashes) sum.add(hash)
  return sum.bytes
}
