import { MAX_UINT32 } from '../bytes.js'
import { MalformedError } from '../errors.js'
import { decodeUint, type RlpItem } from '../rlp.js'
import { children, encodeStructure, itemOf, leading, type Structure, uint } from '../structure.js'
import { type DigestPart, decodeDigestParts, digestStructure } from './digest.js'
import { SEQUENCE_CURSOR_BYTES } from './sequence-cursor.js'

/** Why envelopes of a time may be missing. Readers take any other number as a gap too. */
export const GapKind = {
  /** The node did not run. */
  down: 0,
  /** It ran and could not store. */
  unstored: 1,
  /** They were stored, and are lost or cannot be read. */
  damaged: 2,
  /** They are of topics that this server does not archive. */
  unarchived: 3
} as const

/** A time within which envelopes may be missing from an archive. */
export interface Gap {
  /** Unix seconds, inclusive. */
  from: number
  until: number
  /** One of `GapKind`, or what a newer server says. */
  kind: number
  /** How many envelopes are missing, or topics not archived; 0 when that is not known. */
  count: number
}

/** What a server says of the range and filter that it was asked for (protocols/mailserver.md). */
export interface Coverage {
  /** When this archive began, Unix seconds. */
  since: number
  /** What was sent before this time may have been deleted by retention; 0 when nothing was. Unix seconds. */
  oldest: number
  /** The highest sequence number given out, as a sequence cursor: 16 bytes. */
  sequence: Uint8Array
  /** Whether more of what was asked for is archived than this answer brought. */
  more: boolean
  /** Gaps that touch the range, in ascending order; at most 128. */
  gaps: Gap[]
}

/** More gaps than this are joined with their neighbours. */
export const MAX_GAPS = 128

/** Key 2 of a completion. */
export interface CoverageAnswer {
  coverage: Coverage
  /** Empty when only coverage was asked for. */
  digests: DigestPart[]
}

export function encodeCoverageAnswer(answer: CoverageAnswer): Uint8Array {
  return encodeStructure(answerStructure(answer))
}

function answerStructure({ coverage, digests }: CoverageAnswer): Structure[] {
  const { since, oldest, sequence, more, gaps } = coverage
  const gapItems = gaps.map(({ from, until, kind, count }) => [uint(from), uint(until), uint(kind), uint(count)])
  return [[uint(since), uint(oldest), sequence, uint(more ? 1 : 0), gapItems], digestStructure(digests)]
}

/**
 * Reads `[coverage, digests]`; further items are ignored.
 * @throws MalformedError
 */
export function decodeCoverageAnswer(item: RlpItem): CoverageAnswer {
  const [coverage, digests] = leading(item, 2)
  return { coverage: decodeCoverage(coverage), digests: decodeDigestParts(digests) }
}

function decodeCoverage(item: RlpItem): Coverage {
  const [since, oldest, sequence, more, gaps] = children(item, { max: 16 })
  if (
    since === undefined ||
    oldest === undefined ||
    sequence === undefined ||
    more === undefined ||
    gaps === undefined
  ) {
    throw new MalformedError('items of the coverage are missing')
  }
  if (sequence.isList || sequence.payload.length !== SEQUENCE_CURSOR_BYTES) {
    throw new MalformedError(`a sequence cursor is ${SEQUENCE_CURSOR_BYTES} bytes`)
  }
  return {
    since: decodeUint(since, { max: MAX_UINT32 }),
    oldest: decodeUint(oldest, { max: MAX_UINT32 }),
    sequence: sequence.payload,
    more: decodeUint(more, { max: MAX_UINT32 }) !== 0,
    gaps: children(gaps, { max: 1024 }).map(decodeGap)
  }
}

function decodeGap(item: RlpItem): Gap {
  const [from, until, kind, count] = children(item, { max: 16 })
  if (from === undefined || until === undefined || kind === undefined) throw new MalformedError('a gap is incomplete')
  const gap = {
    from: decodeUint(from, { max: MAX_UINT32 }),
    until: decodeUint(until, { max: MAX_UINT32 }),
    kind: decodeUint(kind, { max: MAX_UINT32 }),
    count: count === undefined ? 0 : decodeUint(count, { max: Number.MAX_SAFE_INTEGER })
  }
  if (gap.from > gap.until) throw new MalformedError('a gap ends before it begins')
  return gap
}

/** An answer as the value of an extension. */
export const coverageItem = (answer: CoverageAnswer): RlpItem => itemOf(answerStructure(answer))
