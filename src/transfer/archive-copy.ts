import type { Archive } from '../archive/archive.js'
import { MAX_UINT32, toHex } from '../wire/bytes.js'
import { decodeEnvelope } from '../wire/envelope/envelope.js'
import { randomBytes } from '../wire/random.js'
import type { DigestPart } from '../wire/request/digest.js'

/** The copy does not have what the source has. */
export class CopyError extends Error {
  static override readonly name = 'CopyError'
  override readonly name = 'CopyError'
}

/** How far a copy came: behind this place nothing was copied yet. */
export interface CopyPlace {
  /** Ids of both archives, in hexadecimal: of others it says nothing. */
  from: string
  to: string
  /** 36 bytes in hexadecimal. */
  cursor: string
}

export interface CopySummary {
  /** Looked at this time. */
  envelopes: number
  /** Of them, those that the target did not have. */
  stored: number
  /** The same in both, found by digests. */
  compared: number
}

export interface CopyOptions {
  signal: AbortSignal
  /** Where an earlier one came to. */
  place?: CopyPlace | undefined
  /** Told after each page that the target confirmed. */
  onPlace?: ((place: CopyPlace, summary: CopySummary) => Promise<void> | void) | undefined
}

const ALL = { lower: 0, upper: MAX_UINT32 }
const PAGE = 512
const PAGE_BYTES = 2 * 1024 * 1024
const PARTS = 64

/**
 * Copies everything from one archive to another, whatever they lie on, and what is known to be missing; then holds digests of both
 * against each other. Goes on where it ended, and may be repeated: an envelope is stored once. The target may have more.
 * @throws CopyError when the target lacks something in the end, `ArchiveError`, or the signal's reason
 */
export async function copyArchive(
  from: Archive,
  to: Archive,
  { signal, place, onPlace }: CopyOptions
): Promise<CopySummary> {
  const ids = { from: toHex(from.id), to: toHex(to.id) }
  const summary: CopySummary = { envelopes: 0, stored: 0, compared: 0 }
  const known = place?.from === ids.from && place.to === ids.to ? Buffer.from(place.cursor, 'hex') : undefined
  let cursor: Uint8Array | undefined = known
  do {
    const end = await copyRange(from, to, { ...ALL, cursor }, { signal, summary })
    cursor = end
    if (cursor !== undefined) await onPlace?.({ ...ids, cursor: toHex(cursor) }, summary)
  } while (cursor !== undefined)
  const { gaps } = await from.coverage(ALL)
  for (const gap of gaps) await to.addGap(gap)
  for (const part of await differing(from, to, signal, summary)) {
    // stored while it was copied, or lost since by the target
    let at: Uint8Array | undefined
    do at = await copyRange(from, to, { ...part, cursor: at }, { signal, summary })
    while (at !== undefined)
  }
  const lacking = await differing(from, to, signal, summary)
  if (lacking.length > 0)
    throw new CopyError(
      `the copy lacks envelopes in ${lacking.length} of ${PARTS} parts: repeat it, and verify both archives`
    )
  return summary
}

async function copyRange(
  from: Archive,
  to: Archive,
  range: { lower: number; upper: number; cursor: Uint8Array | undefined },
  { signal, summary }: { signal: AbortSignal; summary: CopySummary }
): Promise<Uint8Array | undefined> {
  const slices = from.query({ ...range, limit: PAGE, maxBytes: PAGE_BYTES, signal })
  for (;;) {
    const { done, value } = await slices.next()
    if (done === true) return value.cursor
    const outcomes = await to.append(value.map(({ raw }) => decodeEnvelope(raw)))
    signal.throwIfAborted()
    summary.envelopes += outcomes.length
    summary.stored += outcomes.filter(outcome => outcome === 'stored').length
  }
}

/** Parts of time of which the target has less than the source, or as many and others. */
async function differing(
  from: Archive,
  to: Archive,
  signal: AbortSignal,
  summary: CopySummary
): Promise<{ lower: number; upper: number }[]> {
  const { oldest, newest } = await from.stats()
  if (oldest === undefined || newest === undefined) return []
  const question = { lower: oldest, upper: newest, salt: randomBytes(16), parts: PARTS, by: 'time' as const, signal }
  const [mine, theirs] = await Promise.all([digestOf(from, question), digestOf(to, question)])
  summary.compared = 0
  return mine.filter((part, i) => {
    const other = theirs[i] as DigestPart
    const same = other.count >= part.count && (other.count > part.count || textOf(part) === textOf(other))
    if (same) summary.compared += part.count
    return !same
  })
}

async function digestOf(archive: Archive, question: Parameters<Archive['digest']>[0]): Promise<DigestPart[]> {
  const steps = archive.digest(question)
  for (;;) {
    const { done, value } = await steps.next()
    if (done === true) return value
  }
}

function textOf({ fingerprint, hashes }: DigestPart): string {
  return fingerprint === undefined ? (hashes ?? []).map(toHex).join() : toHex(fingerprint)
}
