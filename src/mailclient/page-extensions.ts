import { equalBytes } from '../wire/bytes.js'
import { MalformedError } from '../wire/errors.js'
import { type CoverageAnswer, decodeCoverageAnswer } from '../wire/request/coverage.js'
import { type DigestQuestion, encodeDigestQuestion } from '../wire/request/digest.js'
import { ExtensionKey, type Extensions } from '../wire/request/extension.js'
import type { RequestComplete } from '../wire/request/request-complete.js'
import { decodeSequenceCursor } from '../wire/request/sequence-cursor.js'
import { decodeItem, encodeString } from '../wire/rlp.js'
import { IngestOrderError, MisbehavingServerError } from './errors.js'

/** What a request asks for besides its range and filter. */
export interface AskedBesides {
  order: 'time' | 'ingest'
  /** Where the last page ended: in ingest order a sequence cursor, 16 bytes. */
  after: Uint8Array | undefined
  coverage: boolean
  digest?: DigestQuestion | undefined
}

const COVERAGE_ALONE: DigestQuestion = { salt: new Uint8Array(0), parts: 0, by: 'time' }

/** The extension list of a request; undefined when it has none. */
export function extensionsOf({ order, after, coverage, digest }: AskedBesides): Extensions | undefined {
  const extensions: Extensions = new Map()
  if (order === 'ingest') extensions.set(ExtensionKey.sequence, decodeItem(encodeString(after ?? new Uint8Array(0))))
  const question = digest ?? (coverage ? COVERAGE_ALONE : undefined)
  if (question !== undefined) extensions.set(ExtensionKey.coverage, decodeItem(encodeDigestQuestion(question)))
  return extensions.size === 0 ? undefined : extensions
}

/**
 * The sequence cursor of a completion, 16 bytes.
 *
 * @param after - that of the page before
 * @param count - how many envelopes came since
 * @throws {IngestOrderError} when there is none: the server does not know this order
 * @throws {MisbehavingServerError} when it is none, of another archive, or goes back
 */
export function sequenceOf({ extensions }: RequestComplete, after: Uint8Array | undefined, count: number): Uint8Array {
  const item = extensions?.get(ExtensionKey.sequence)
  if (item === undefined) throw new IngestOrderError('the server does not tell in the order of ingest')
  const { archiveId, seq } = reading('a sequence cursor', () => {
    if (item.isList) throw new MalformedError('a sequence cursor is no list')
    return decodeSequenceCursor(item.payload)
  })
  const before = after === undefined ? { archiveId, seq: 0 } : decodeSequenceCursor(after)
  if (!equalBytes(before.archiveId, archiveId)) {
    throw new MisbehavingServerError('cursor', 'the sequence cursor is that of another archive')
  }
  // each envelope has a number of its own
  if (seq < before.seq + count) throw new MisbehavingServerError('cursor', 'the sequence cursor does not move on')
  return item.payload
}

/**
 * Coverage and digests of a completion; undefined when the server says nothing of it.
 *
 * @throws {MisbehavingServerError}
 */
export function coverageOf({ extensions }: RequestComplete): CoverageAnswer | undefined {
  const item = extensions?.get(ExtensionKey.coverage)
  return item && reading('coverage', () => decodeCoverageAnswer(item))
}

function reading<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause
    throw new MisbehavingServerError('malformed', `${what} cannot be read`, { cause })
  }
}
