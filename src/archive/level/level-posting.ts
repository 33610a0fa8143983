import { readUint32 } from '../../wire/bytes.js'
import type { BlockSpan } from './level-block-span.js'
import { put16, put32, view } from './level-bytes.js'
import type { Entry } from './level-layout.js'

// Sequence numbers are in blocks of up to 65,536. What a finished block has of a topic is one posting, 42 bytes for each envelope in
// the order of ingest, integers big-endian; an offset counts from the first number of the block:
//
//   offset(2) sent(4) hash(32) size(4)

export const POSTING_ENTRY_BYTES = 42
const ENTRY = POSTING_ENTRY_BYTES

/** An entry with its place in the order of ingest. */
export interface Numbered extends Entry {
  seq: number
}

/** What a posting does not say itself. */
export interface PostingPlace {
  /** The last number before its block. */
  before: number
  topic: number
}

/** @param entries - of one topic in one block, ascending */
export function encodePosting(entries: readonly Numbered[], before: number): Uint8Array {
  const bytes = new Uint8Array(entries.length * ENTRY)
  entries.forEach(({ seq, sent, hash, size }, i) => {
    const at = i * ENTRY
    put16(bytes, at, seq - 1 - before)
    put32(bytes, at + 2, sent)
    bytes.set(hash, at + 6)
    put32(bytes, at + 38, size)
  })
  return bytes
}

export function postingLength(posting: Uint8Array): number {
  return Math.floor(posting.length / ENTRY)
}

export const isPosting = (bytes: Uint8Array): boolean => bytes.length > 0 && bytes.length % ENTRY === 0

export const postingOffset = (posting: Uint8Array, i: number): number =>
  ((posting[i * ENTRY] as number) << 8) | (posting[i * ENTRY + 1] as number)

export function postingEntry(posting: Uint8Array, i: number, { before, topic }: PostingPlace): Numbered {
  const at = i * ENTRY
  return {
    seq: before + postingOffset(posting, i) + 1,
    sent: readUint32(posting, at + 2),
    hash: view(posting, at + 6, 32),
    topic,
    size: readUint32(posting, at + 38)
  }
}

export function postingEntries(posting: Uint8Array, place: PostingPlace): Numbered[] {
  return Array.from({ length: postingLength(posting) }, (_, i) => postingEntry(posting, i, place))
}

/** Entries made at once: a topic that has everything has 65,536 in a block. */
const PART = 2048

/** Entries that were sent between two times, inclusive, in the order of ingest, some at a time. */
export function* entriesBetween(
  posting: Uint8Array,
  place: PostingPlace,
  { lower, upper }: { lower: number; upper: number }
): Generator<Numbered[], void> {
  const length = postingLength(posting)
  for (let from = 0; from < length; from += PART) {
    const some: Numbered[] = []
    for (let i = from; i < Math.min(length, from + PART); i++) {
      const sent = readUint32(posting, i * ENTRY + 2)
      if (sent >= lower && sent <= upper) some.push(postingEntry(posting, i, place))
    }
    yield some
  }
}

/** Entries that were sent between two times, inclusive, in the order of ingest. */
export function postedBetween(
  posting: Uint8Array,
  topic: number,
  { lower, upper }: { lower: number; upper: number }
): Entry[] {
  const entries: Entry[] = []
  for (let at = 0; at < posting.length; at += ENTRY) {
    const sent = readUint32(posting, at + 2)
    if (sent >= lower && sent <= upper) entries.push(new LazyEntry(sent, topic, posting, at + 6, at + 38))
  }
  return entries
}

/** Of a block a page needs the first ones: of the others only the time is asked. The bytes must stay as they are. */
export class LazyEntry implements Entry {
  readonly sent: number
  readonly topic: number
  private readonly bytes: Uint8Array
  private readonly hashAt: number
  private readonly sizeAt: number

  constructor(sent: number, topic: number, bytes: Uint8Array, hashAt: number, sizeAt: number) {
    this.sent = sent
    this.topic = topic
    this.bytes = bytes
    this.hashAt = hashAt
    this.sizeAt = sizeAt
  }

  get hash(): Uint8Array {
    return view(this.bytes, this.hashAt, 32)
  }

  get size(): number {
    return readUint32(this.bytes, this.sizeAt)
  }
}

/** Postings read at once, and bytes of them, unless one block has more. */
const MAX_POSTINGS = 512
const MAX_BYTES = 4 * 1024 * 1024

/** Blocks of which so many topics are read at once. */
export function* groupsOf<T extends BlockSpan>(blocks: readonly T[], topics: number): Generator<T[], void> {
  let group: T[] = []
  let bytes = 0
  for (const block of blocks) {
    const more = block.most * topics * ENTRY
    if (group.length > 0 && ((group.length + 1) * topics > MAX_POSTINGS || bytes + more > MAX_BYTES)) {
      yield group
      group = []
      bytes = 0
    }
    group.push(block)
    bytes += more
  }
  if (group.length > 0) yield group
}

/** What is known of a block, with a posting of it. */
export function withPosting({ newest, oldest, most }: BlockSpan, posting: Uint8Array): BlockSpan {
  for (let at = 2; at < posting.length; at += ENTRY) {
    const sent = readUint32(posting, at)
    newest = Math.max(newest, sent)
    oldest = Math.min(oldest, sent)
  }
  return { newest, oldest, most: Math.max(most, postingLength(posting)) }
}
