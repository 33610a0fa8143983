import { equalBytes, joinBytes, MAX_UINT32, readUint32, writeUint32 } from '../wire/bytes.js'
import { keccak256 } from '../wire/keccak.js'
import { type Gap, GapKind } from '../wire/request/coverage.js'
import type { ArchiveCoverage } from './archive.js'
import { ArchiveQueryError } from './errors.js'
import { gapsWithin, withGap } from './gap-list.js'
import { decodeOwnFloors, encodeOwnFloors, type TopicChoice, TopicFloors } from './topic-floors.js'

// since(4) floor(4) attended(4), then 17 bytes for each gap: from(4) until(4) kind(1) count(8), and the first bytes of the Keccak-256 of
// all that(4), which older versions did not write; big-endian. Where topics have floors of their own, ffffffff(4) topics(4), and 8 bytes
// for each, go before it.
const HEAD = 12
const GAP = 17
const OWN_HEAD = 8
const OWN = 8
const CHECKSUM = 4

/** Of which envelopes coverage is told. */
export interface CoveredRange {
  lower: number
  upper: number
  /** Topics, or what tells them; all when absent. */
  meant?: Parameters<TopicFloors['highest']>[0]
}

/** Everything but the last sequence number, which is the archive's. */
export type KnownCoverage = Omit<ArchiveCoverage, 'lastSeq'>

/** What is known of what an archive may lack, wherever that is kept. */
export interface Coverage {
  /** Until when somebody attended to the archive, Unix seconds; absent when that was never said. */
  readonly attended: number | undefined
  attend(now: number): Promise<void>
  /** @throws ArchiveQueryError when it is no gap */
  addGap(gap: Gap): Promise<void>
  describe(range: CoveredRange): KnownCoverage | Promise<KnownCoverage>
}

interface Record {
  since: number
  floors: TopicFloors
  /** 0 when never said. */
  attended: number
  gaps: Gap[]
}

/** What an archive knows about what it may lack, and where that is kept. Changes are made one at a time. */
export class CoverageLog implements Coverage {
  readonly #save: (bytes: Uint8Array) => Promise<void>
  /** Whether nothing was saved before. */
  readonly isNew: boolean
  /** Whether what was saved cannot be read: nobody knows what the archive lacks. */
  readonly isSpoiled: boolean
  #record: Record
  #met: Gap[] = []

  /**
   * @param saved - what `save` was given last; absent for an archive that has none yet
   * @param since - for such a one, and one of which that cannot be read: when it began, Unix seconds
   * @param save - puts the record on disk
   */
  constructor(saved: Uint8Array | undefined, since: number, save: (bytes: Uint8Array) => Promise<void>) {
    this.#save = save
    const known = saved && decode(saved)
    this.isNew = saved === undefined
    this.isSpoiled = saved !== undefined && known === undefined
    this.#record = known ?? { since, floors: new TopicFloors(0), attended: 0, gaps: [] }
  }

  get attended(): number | undefined {
    return this.#record.attended || undefined
  }

  /** What a new archive keeps at once, so that it is known when it began. */
  get bytes(): Uint8Array {
    return encode(this.#record)
  }

  /** What was sent before these times may have been pruned. */
  get floors(): TopicFloors {
    return this.#record.floors
  }

  /** Whether a gap of its kind covers it already. */
  knows({ from, until, kind }: Gap): boolean {
    return this.#record.gaps.some(gap => gap.kind === kind && gap.from <= from && gap.until >= until)
  }

  describe({ lower, upper, meant }: CoveredRange): KnownCoverage {
    const { since, floors, gaps } = this.#record
    const all = this.#met.reduce((known, gap) => withGap(known, gap), gaps)
    return { since, oldest: floors.highest(meant), gaps: gapsWithin(all, lower, upper) }
  }

  /** Notes what was met damaged. It is not kept on disk: there it is met again, or mended. */
  meet(gap: Gap): void {
    this.#met = withGap(this.#met, gap)
  }

  /** What cannot be read any more is a gap of all times until now, without a count. */
  async admit(now: () => number): Promise<void> {
    if (this.isSpoiled) await this.addGap(unknownUntil(now()))
  }

  /** To be called when everything was mended, or is kept as lost. */
  forgetMet(): void {
    this.#met = []
  }

  /** @throws ArchiveQueryError when it is no time */
  async addGap(gap: Gap): Promise<void> {
    const { from, until, kind, count } = gap
    const times = [from, until].every(time => Number.isInteger(time) && time >= 0 && time <= MAX_UINT32)
    if (!times || from > until) throw new ArchiveQueryError('a gap is two times in Unix seconds, in order')
    if (!Number.isInteger(kind) || kind < 0 || kind > 255) throw new ArchiveQueryError('a kind of gap is 0 to 255')
    if (!Number.isSafeInteger(count) || count < 0) throw new ArchiveQueryError('a count is an integer of 0 or more')
    await this.#change({ gaps: withGap(this.#record.gaps, { from, until, kind, count }) })
  }

  async attend(now: number): Promise<void> {
    await this.#change({ attended: Math.min(Math.max(0, Math.floor(now)), MAX_UINT32) })
  }

  /** Everything of some topics sent before this time may be gone from now on; to be said before it is deleted. 0..2^32. */
  async raiseFloor(before: number, choice?: TopicChoice): Promise<void> {
    const floors = this.#record.floors.raised(before, choice)
    if (floors !== this.#record.floors) await this.#change({ floors })
  }

  async #change(change: Partial<Record>): Promise<void> {
    const record = { ...this.#record, ...change }
    await this.#save(encode(record))
    this.#record = record
  }
}

function encode({ since, floors: { general, own }, attended, gaps }: Record): Uint8Array {
  const parts = [writeUint32(since), writeUint32(general), writeUint32(attended)]
  if (own.size > 0) parts.unshift(writeUint32(MAX_UINT32), writeUint32(own.size), ...encodeOwnFloors(own))
  for (const { from, until, kind, count } of gaps) {
    parts.push(writeUint32(from), writeUint32(until), Uint8Array.of(kind))
    parts.push(writeUint32(Math.floor(count / 2 ** 32)), writeUint32(count % 2 ** 32))
  }
  const record = joinBytes(parts)
  return joinBytes([record, checksum(record)])
}

/** That nobody knows what was lost by then. */
export const unknownUntil = (now: number): Gap => ({ from: 0, until: Math.floor(now), kind: GapKind.damaged, count: 0 })

/** Whether there is a record, and it is what was saved. */
export const isCoverage = (saved: Uint8Array | undefined): boolean => saved !== undefined && decode(saved) !== undefined

/** Undefined when it is not what was saved. */
function decode(saved: Uint8Array): Record | undefined {
  const bytes = unsealed(saved)
  return bytes && decodeRecord(bytes)
}

/** Without its checksum. */
function unsealed(saved: Uint8Array): Uint8Array | undefined {
  if ((saved.length - headOf(saved) - HEAD) % GAP !== CHECKSUM) return saved
  const bytes = saved.subarray(0, -CHECKSUM)
  return equalBytes(saved.subarray(-CHECKSUM), checksum(bytes)) ? bytes : undefined
}

const checksum = (record: Uint8Array): Uint8Array => keccak256(record).subarray(0, CHECKSUM)

/** Bytes of the floors that topics have of their own. */
function headOf(bytes: Uint8Array): number {
  const topics = bytes.length >= OWN_HEAD && readUint32(bytes, 0) === MAX_UINT32 ? readUint32(bytes, 4) : undefined
  return topics === undefined ? 0 : OWN_HEAD + topics * OWN
}

function decodeRecord(bytes: Uint8Array): Record | undefined {
  const head = headOf(bytes)
  if (bytes.length < head + HEAD || (bytes.length - head - HEAD) % GAP !== 0) return undefined
  const own = decodeOwnFloors(bytes.subarray(OWN_HEAD), head === 0 ? 0 : (head - OWN_HEAD) / OWN)
  const gaps: Gap[] = []
  for (let at = head + HEAD; at < bytes.length; at += GAP) {
    gaps.push({
      from: readUint32(bytes, at),
      until: readUint32(bytes, at + 4),
      kind: bytes[at + 8] as number,
      count: readUint32(bytes, at + 9) * 2 ** 32 + readUint32(bytes, at + 13)
    })
  }
  const floors = new TopicFloors(readUint32(bytes, head + 4), own)
  return { since: readUint32(bytes, head), floors, attended: readUint32(bytes, head + 8), gaps }
}
