import { MAX_UINT32, readUint32 } from '../../wire/bytes.js'
import { isSafe64, put16, put32, put64, read64, small, view } from './level-bytes.js'
import { rawSize } from './level-row.js'

export { put64, read64, uint32 } from './level-bytes.js'

// Every key begins with the prefix of sublevel `a` and a letter for its table. Integers are big-endian and of fixed width,
// so that bytes sort as numbers do.
//
//   e  sent(4) hash(32) topic(4)         -> row                    the envelopes, by time: level-row.ts
//   d  day(2)                            -> envelopes(4)           how many the day holds
//   g  topic(4)                          -> envelopes(4) last seq(8)  how many of those up to that number are of the topic
//   s  last seq(8)                       -> (sent hash topic size)… checksum(4)  a run of ingest order, 44 bytes each, ending with seq; until its block is finished: level-runs.ts
//   q  newest sent(4) last seq(8)        -> ''                     the same runs, by when they may be dropped
//   p  block(4) topic(4)                 -> (offset sent hash size)…  what a block of ingest order has of a topic: level-posting.ts
//   k  block(4)                          -> newest sent(4) oldest sent(4) most(4) checksum(4)  the blocks that have something; most: envelopes of one topic
//   c  block(4)                          -> (topic newest sent checksum)…  which postings a block has: level-contents.ts
//   r  sent(4) hash(32) topic(4)         -> ''                     envelopes that were stored again, since their row was damaged: two numbers name them
//   m  name                              -> …                      format, id: level-format.ts; totals: level-ledger.ts
//
// What a topic has is told by the postings, and by the runs, which are in memory, too. Formats before 5 wrote two keys more for an envelope:
// `t` day(2) topic(4) sent(4) hash(32), and `n` day(2) topic(4) -> envelopes(4) last seq(8); level-leftovers.ts drops what is left of those.

/** Seconds in a day of the index. Days count from 1970 and fit in 16 bits for every uint32 time. */
export const DAY = 86400

/** One stored envelope without its bytes. */
export interface Entry {
  sent: number
  hash: Uint8Array
  /** The topic as an integer of 32 bits, big-endian. */
  topic: number
  /** Bytes of the envelope. */
  size: number
}

export interface Bounds {
  gte: Uint8Array
  lt: Uint8Array
}

/** A part of a table that has one key for each envelope. */
export interface EntryRange {
  bounds: Bounds
  read(key: Uint8Array, value: Uint8Array): Entry
}

const PREFIX = [0x21, 0x61, 0x21]
/** Where the fields of a key begin. */
const AT = PREFIX.length + 1
export const FIELDS_AT = AT
const TABLE = {
  envelope: 0x65,
  index: 0x74,
  topicDay: 0x6e,
  dayCount: 0x64,
  topic: 0x67,
  run: 0x73,
  runAge: 0x71,
  posting: 0x70,
  block: 0x6b,
  contents: 0x63,
  renewed: 0x72,
  meta: 0x6d
}
const ENVELOPE_FIELDS = 40
export const RUN_ENTRY_BYTES = 44

export function dayOf(sent: number): number {
  return Math.floor(sent / DAY)
}

function blank(table: number, length: number): Uint8Array {
  const key = small(AT + length)
  key.set(PREFIX)
  key[AT - 1] = table
  return key
}

/** A key of a table out of integers, each with its width. */
function key(table: number, ...fields: [width: 2 | 4 | 8, value: number][]): Uint8Array {
  const bytes = blank(
    table,
    fields.reduce((sum, [width]) => sum + width, 0)
  )
  let at = AT
  for (const [width, value] of fields) {
    if (width === 2) put16(bytes, at, value)
    else if (width === 4) put32(bytes, at, value)
    else put64(bytes, at, value)
    at += width
  }
  return bytes
}

/** The first key after every key that begins with these bytes. */
function beyond(prefix: Uint8Array): Uint8Array {
  let at = prefix.length - 1
  while (prefix[at] === 0xff) at--
  const bytes = prefix.slice(0, at + 1)
  bytes[at] = (bytes[at] as number) + 1
  return bytes
}

const within = (prefix: Uint8Array): Bounds => ({ gte: prefix, lt: beyond(prefix) })

export function envelopeKey({ sent, hash, topic }: Omit<Entry, 'size'>): Uint8Array {
  const bytes = blank(TABLE.envelope, ENVELOPE_FIELDS)
  put32(bytes, AT, sent)
  bytes.set(hash, AT + 4)
  put32(bytes, AT + 36, topic)
  return bytes
}

/** A key without what all keys of the table have in common: sent, hash and topic, if it is a whole one. */
export const envelopeFields = (key: Uint8Array): Uint8Array => view(key, AT, Math.max(0, key.length - AT))
export const envelopeSent = (key: Uint8Array): number => readUint32(key, AT)
export const envelopeHash = (key: Uint8Array): Uint8Array => view(key, AT + 4, 32)
export const envelopeTopic = (key: Uint8Array): number => readUint32(key, AT + 36)

/** Envelopes with lower <= sent <= upper. */
export function envelopeRange(lower: number, upper: number): EntryRange {
  return {
    bounds: { gte: key(TABLE.envelope, [4, lower]), lt: beyond(key(TABLE.envelope, [4, upper])) },
    read: (key, value) => ({
      sent: envelopeSent(key),
      hash: envelopeHash(key),
      topic: envelopeTopic(key),
      size: rawSize(value)
    })
  }
}

/** The first key after an envelope, whatever its topic. */
export function afterEnvelope(sent: number, hash: Uint8Array): Uint8Array {
  return beyond(envelopeKey({ sent, hash, topic: 0xffff_ffff }))
}

export const isEnvelope = (key: Uint8Array): boolean => key[AT - 1] === TABLE.envelope

/** Whether bytes are a whole key of an envelope. */
export const isEnvelopeKey = (key: Uint8Array): boolean =>
  key.length === AT + ENVELOPE_FIELDS && isEnvelope(key) && PREFIX.every((byte, i) => key[i] === byte)

export const envelopeEntry = (key: Uint8Array): Omit<Entry, 'size'> => ({
  sent: envelopeSent(key),
  hash: envelopeHash(key),
  topic: envelopeTopic(key)
})

/** How the table of the envelopes is ordered by time. */
export const ENVELOPE_TIMES = {
  keyAt: (sent: number): Uint8Array => key(TABLE.envelope, [4, sent]),
  sentOf: envelopeSent
}

/** The last second below a bound of the table of the envelopes. */
export const lastSent = (lt: Uint8Array): number =>
  lt.length < AT + 4 || lt[AT - 1] !== TABLE.envelope ? MAX_UINT32 : Math.max(0, envelopeSent(lt) - 1)

export const allEnvelopes = (): Bounds => envelopeRange(0, MAX_UINT32).bounds

/** The last second of a day. */
export const lastOf = (day: number): number => Math.min((day + 1) * DAY - 1, MAX_UINT32)

export function dayEnvelopes(day: number): Bounds {
  return envelopeRange(day * DAY, lastOf(day)).bounds
}

/** How many envelopes a topic has, with the last sequence number of which that is. */
export function topicCount(n: number, lastSeq: number): Uint8Array {
  const bytes = small(12)
  put32(bytes, 0, n)
  put64(bytes, 4, lastSeq)
  return bytes
}

/** Whether bytes are a count: of a day, or of a topic, with the last number of which that is where an older version did not write it. */
export const isCount = (value: Uint8Array): boolean => value.length === 4 || (value.length === 12 && isSafe64(value, 4))

/** How many a count says; what is 0 is not there. Of one that is spoiled 0. */
export const readCount = (value: Uint8Array | undefined): number =>
  value === undefined || !isCount(value) ? 0 : readUint32(value, 0)

/** 0 for one that an older version wrote, which did not say, and one that is spoiled. */
export const topicCountSeq = (value: Uint8Array): number =>
  value.length === 4 || !isCount(value) ? 0 : read64(value, 4)

/** How many envelopes topics had on days, as formats before 5 wrote it. */
export const topicDays = (): Bounds => within(key(TABLE.topicDay))
export const readTopicOfDay = (key: Uint8Array): number => readUint32(key, AT + 2)

/** Tables that formats before 5 wrote, and nobody reads. */
export const leftovers = (): Bounds[] => [within(key(TABLE.index)), topicDays()]

export const dayCountKey = (day: number): Uint8Array => key(TABLE.dayCount, [2, day])
export const dayCounts = (): Bounds => within(key(TABLE.dayCount))
export const readDay = (key: Uint8Array): number => ((key[AT] as number) << 8) | (key[AT + 1] as number)

// this one is made for many an envelope where topics are many: not out of a list of fields
export function topicKey(topic: number): Uint8Array {
  const bytes = blank(TABLE.topic, 4)
  put32(bytes, AT, topic)
  return bytes
}
export const allTopics = (): Bounds => within(key(TABLE.topic))
export const readTopic = (key: Uint8Array): number => readUint32(key, AT)

export const runKey = (lastSeq: number): Uint8Array => key(TABLE.run, [8, lastSeq])
export const allRuns = (): Bounds => within(key(TABLE.run))
export const readRunSeq = (key: Uint8Array): number => read64(key, AT)
/** Runs of ingest order that end with `seq` or later. */
export const runsFrom = (seq: number): Bounds => ({ gte: runKey(seq), lt: beyond(key(TABLE.run)) })

export const runAgeKey = (newest: number, lastSeq: number): Uint8Array => key(TABLE.runAge, [4, newest], [8, lastSeq])
export const readRunAgeSeq = (key: Uint8Array): number => read64(key, AT + 4)
/** Runs whose newest envelope was sent at `newest` or earlier. */
export const runsUntil = (newest: number): Bounds => ({
  gte: key(TABLE.runAge),
  lt: beyond(key(TABLE.runAge, [4, newest]))
})

// a page of many topics asks for hundreds, and so of the next
export function postingKey(block: number, topic: number): Uint8Array {
  const bytes = blank(TABLE.posting, 8)
  put32(bytes, AT, block)
  put32(bytes, AT + 4, topic)
  return bytes
}
export const readPostingBlock = (key: Uint8Array): number => readUint32(key, AT)
export const readPostingTopic = (key: Uint8Array): number => readUint32(key, AT + 4)
export const blockPostings = (block: number): Bounds => within(key(TABLE.posting, [4, block]))
export const allPostings = (): Bounds => within(key(TABLE.posting))

export const blockKey = (block: number): Uint8Array => key(TABLE.block, [4, block])

/** Which postings a finished block has. */
export const contentsKey = (block: number): Uint8Array => key(TABLE.contents, [4, block])
export const allContents = (): Bounds => within(key(TABLE.contents))
export const readContentsBlock = (key: Uint8Array): number => readUint32(key, AT)

export const readBlock = (key: Uint8Array): number => readUint32(key, AT)
export const allBlocks = (): Bounds => within(key(TABLE.block))

/** Writes the entry of an envelope into a run, as its `index`th. */
export function putRunEntry(run: Uint8Array, index: number, { sent, hash, topic, size }: Entry): void {
  const at = index * RUN_ENTRY_BYTES
  put32(run, at, sent)
  run.set(hash, at + 4)
  put32(run, at + 36, topic)
  put32(run, at + 40, size)
}

/** A run in which some entries, by index, keep their numbers and name nothing any more: zeros. */
export function withoutEntries(run: Uint8Array, indexes: readonly number[]): Uint8Array {
  const rest = Uint8Array.from(run)
  for (const index of indexes) rest.fill(0, index * RUN_ENTRY_BYTES, (index + 1) * RUN_ENTRY_BYTES)
  return rest
}

/** The topic of the `index`th entry of a run; absent when it names nothing. */
export function runEntryTopic(run: Uint8Array, index: number): number | undefined {
  const at = index * RUN_ENTRY_BYTES
  const topic = readUint32(run, at + 36)
  return topic === 0 && readUint32(run, at + 40) === 0 && readUint32(run, at) === 0 ? undefined : topic
}

/** No envelope has no bytes. */
export const isDropped = ({ size, sent, topic }: Entry): boolean => size === 0 && sent === 0 && topic === 0

/** Undefined when it is damaged. */
export function decodeRun(bytes: Uint8Array): Entry[] | undefined {
  if (bytes.length % RUN_ENTRY_BYTES !== 0) return undefined
  return Array.from({ length: bytes.length / RUN_ENTRY_BYTES }, (_, i) => {
    const at = i * RUN_ENTRY_BYTES
    return {
      sent: readUint32(bytes, at),
      hash: view(bytes, at + 4, 32),
      topic: readUint32(bytes, at + 36),
      size: readUint32(bytes, at + 40)
    }
  })
}

/** What was stored again, whose row was damaged. */
export function renewedKey(entry: Omit<Entry, 'size'>): Uint8Array {
  const bytes = envelopeKey(entry)
  bytes[AT - 1] = TABLE.renewed
  return bytes
}
export const allRenewed = (): Bounds => within(key(TABLE.renewed))

export function metaKey(name: string): Uint8Array {
  const text = new TextEncoder().encode(name)
  const bytes = blank(TABLE.meta, text.length)
  bytes.set(text, AT)
  return bytes
}

/** There while a repair is under way, or is to be done at the next opening. */
export const REPAIR_KEY: Uint8Array = metaKey('repairing')

/** How long the fields of keys are, and where a number of 8 bytes is among them. */
const FIELDS: Partial<Record<number, { length: number; number?: number }>> = {
  [TABLE.envelope]: { length: ENVELOPE_FIELDS },
  [TABLE.dayCount]: { length: 2 },
  [TABLE.topic]: { length: 4 },
  [TABLE.run]: { length: 8, number: 0 },
  [TABLE.runAge]: { length: 12, number: 4 },
  [TABLE.posting]: { length: 8 },
  [TABLE.block]: { length: 4 },
  [TABLE.contents]: { length: 4 },
  [TABLE.renewed]: { length: ENVELOPE_FIELDS }
}

/** Whether a key of a table is one that was ever written there: of what is not no field may be read. */
export function isWhole(key: Uint8Array): boolean {
  const fields = FIELDS[key[AT - 1] as number]
  if (fields === undefined || key.length !== AT + fields.length) return false
  return fields.number === undefined || isSafe64(key, AT + fields.number)
}

/** Everything the archive ever wrote. */
export const everything = (): Bounds => within(Uint8Array.from(PREFIX))
