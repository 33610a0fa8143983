import type { Datastore } from 'interface-datastore'
import { equalBytes, toHex } from '../../wire/bytes.js'
import type { Envelope } from '../../wire/envelope/envelope.js'
import { keccak256 } from '../../wire/keccak.js'
import { type Gap, GapKind } from '../../wire/request/coverage.js'
import type { DigestPart } from '../../wire/request/digest.js'
import type {
  AppendOutcome,
  Archive,
  ArchiveCoverage,
  ArchiveEnd,
  ArchiveFilter,
  ArchiveQuery,
  ArchiveReport,
  ArchiveRow,
  ArchiveSize,
  ArchiveStats,
  ArchiveTrim,
  ArchiveTrimmed,
  ArchiveWatcher,
  DigestQuery,
  SequencedRow,
  SequenceEnd,
  SequenceQuery
} from '../archive.js'
import { bloomTest } from '../bloom-test.js'
import {
  type CheckedFilter,
  type CheckedQuery,
  type CheckedTrim,
  checkDigest,
  checkFilter,
  checkQuery,
  checkSequence,
  checkTrim,
  meantTopics
} from '../checked-query.js'
import { CoverageLog } from '../coverage-log.js'
import { type Damage, DamageLog, gapOf, inWords } from '../damage-log.js'
import { emptyReport } from '../empty-report.js'
import { ArchiveClosedError, archiveFailure } from '../errors.js'
import { withGap } from '../gap-list.js'
import { GroupCommit } from '../group-commit.js'
import { page, type Room, type RowSource, SLICE_BYTES, SLICE_ROWS, type SourceRow } from '../page.js'
import type { Position } from '../position.js'
import { RangeDigest } from '../range-digest.js'
import { type SequenceSource, sequencePage } from '../sequence-page.js'
import { Watchers } from '../watchers.js'
import { WriteQueue } from '../write-queue.js'
import type { IndexEntry } from './datastore-index.js'
import { DatastoreRecords } from './datastore-records.js'
import { DatastoreWriter } from './datastore-writer.js'

export interface DatastoreArchiveInit {
  /** Any `interface-datastore`, open; closing it stays its opener's. */
  datastore: Datastore
  /**
   * Where in it the archive lies.
   * @default '/archive'
   */
  prefix?: string | undefined
  /**
   * Beyond this an append rejects with `ArchiveFullError`. The index of all of them is in memory, about 400 bytes each.
   * @default 100_000
   */
  maxEnvelopes?: number | undefined
  /**
   * Bytes of envelopes that may wait to be written; beyond that an append is refused with `ArchiveBusyError`.
   * @default 67_108_864 (64 MiB)
   */
  maxQueuedBytes?: number | undefined
  /**
   * The clock: Unix time in seconds.
   * @default the system's
   */
  now?: (() => number) | undefined
}

/** Index entries taken into a digest at once. */
const DIGEST_STEP = 1024

/**
 * A small archive on any datastore, for embedding and for tests; runs in a browser. An append is as safe on disk as the
 * datastore's batches are.
 */
export class DatastoreArchive implements Archive {
  readonly #records: DatastoreRecords
  readonly #writer: DatastoreWriter
  readonly #queue = new WriteQueue()
  readonly #watchers = new Watchers()
  readonly #commits: GroupCommit
  #coverage!: CoverageLog
  readonly #damage: DamageLog
  #closing: Promise<void> | undefined

  private constructor({
    datastore,
    prefix = '/archive',
    maxEnvelopes = 100_000,
    maxQueuedBytes,
    now = unixNow
  }: DatastoreArchiveInit) {
    this.#damage = new DamageLog(damage => this.#onDamage(damage), now)
    this.#records = new DatastoreRecords(datastore, prefix)
    const writer = new DatastoreWriter(this.#records, maxEnvelopes)
    this.#writer = writer
    this.#commits = new GroupCommit({
      commit: list => writer.append(list),
      onCommitted: list => this.#watchers.appended(list),
      queue: this.#queue,
      maxQueuedBytes,
      maxGroup: 1
    })
  }

  /** @throws ArchiveFormatError when it was written by a version this one does not know */
  static async open(init: DatastoreArchiveInit): Promise<DatastoreArchive> {
    const archive = new DatastoreArchive(init)
    try {
      await archive.#writer.settle()
      await archive.#openCoverage(init.now ?? unixNow)
      return archive
    } catch (error) {
      throw archiveFailure('the archive cannot be opened', error)
    }
  }

  get id(): Uint8Array {
    return this.#writer.id
  }

  async append(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    this.#assertOpen()
    if (envelopes.length === 0) return []
    try {
      return await this.#commits.append(envelopes)
    } catch (error) {
      throw archiveFailure('envelopes could not be written to the archive', error)
    }
  }

  async *query(query: ArchiveQuery): AsyncGenerator<ArchiveRow[], ArchiveEnd> {
    this.#assertOpen()
    const source = this.#source(checkQuery(query))
    try {
      return yield* page(source, query)
    } catch (error) {
      throw this.#failure(error, query.signal)
    }
  }

  async *sequence(query: SequenceQuery): AsyncGenerator<SequencedRow[], SequenceEnd> {
    this.#assertOpen()
    const { lastSeq } = this.#writer
    const filter = checkSequence(query, lastSeq)
    try {
      return yield* sequencePage(this.#sequenceSource(filter, query.after), query, lastSeq)
    } catch (error) {
      throw this.#failure(error, query.signal)
    }
  }

  async *digest(query: DigestQuery): AsyncGenerator<void, DigestPart[]> {
    this.#assertOpen()
    const filter = checkDigest(query)
    const digest = new RangeDigest(filter, query)
    const passes = passing(filter)
    const { index } = this.#writer
    const entries = index.entries.slice(index.from(filter.lower), index.from(filter.upper + 1))
    for (let from = 0; from < entries.length; from += DIGEST_STEP) {
      query.signal?.throwIfAborted()
      this.#assertOpen()
      for (const entry of entries.slice(from, from + DIGEST_STEP)) if (passes(entry)) digest.add(entry.sent, entry.hash)
      yield
    }
    return digest.parts()
  }

  async coverage(filter: ArchiveFilter): Promise<ArchiveCoverage> {
    this.#assertOpen()
    const checked = checkFilter(filter)
    return this.#coverage.describe({ ...checked, meant: meantTopics(checked) }, this.#writer.lastSeq)
  }

  addGap(gap: Gap): Promise<void> {
    this.#assertOpen()
    return this.#queue.run(() => this.#coverage.addGap(gap))
  }

  get attended(): number | undefined {
    return this.#coverage.attended
  }

  attend(now: number): Promise<void> {
    this.#assertOpen()
    return this.#queue.run(() => this.#coverage.attend(now))
  }

  async prune(before: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<number> {
    return (await this.trim({ before, signal })).removed
  }

  async trim({ signal, ...wanted }: ArchiveTrim): Promise<ArchiveTrimmed> {
    this.#assertOpen()
    const trim = checkTrim(wanted)
    const isMeant = meant(trim)
    try {
      signal?.throwIfAborted()
      const { lastSeq, reached } = await this.#queue.run(async () => {
        const reached = this.#writer.cut(trim, isMeant)
        await this.#coverage.raiseFloor(reached, trim)
        return { lastSeq: this.#writer.lastSeq, reached }
      })
      let removed = 0
      for (;;) {
        signal?.throwIfAborted()
        this.#assertOpen()
        const count = await this.#queue.run(async () => {
          try {
            return await this.#writer.prune(reached, lastSeq, isMeant)
          } finally {
            // also after a failed write: nobody knows how much of it is on disk
            this.#watchers.removed(reached)
          }
        })
        removed += count
        if (count === 0) return { removed, reached }
      }
    } catch (error) {
      throw this.#failure(error, signal)
    }
  }

  async size({ signal, ...filter }: ArchiveFilter & { signal?: AbortSignal | undefined }): Promise<ArchiveSize> {
    this.#assertOpen()
    signal?.throwIfAborted()
    const checked = checkFilter(filter)
    const { index } = this.#writer
    const entries = index.entries
      .slice(index.from(checked.lower), index.from(checked.upper + 1))
      .filter(passing(checked))
    return { envelopes: entries.length, bytes: entries.reduce((sum, { size }) => sum + size, 0) }
  }

  async stats(): Promise<ArchiveStats> {
    this.#assertOpen()
    const { entries, bytes, topics } = this.#writer.index
    const stats: ArchiveStats = { envelopes: entries.length, bytes, topics, lastSeq: this.#writer.lastSeq }
    const [oldest, newest] = [entries[0], entries.at(-1)]
    if (oldest !== undefined) stats.oldest = oldest.sent
    if (newest !== undefined) stats.newest = newest.sent
    if (this.#damage.sum !== undefined) stats.damaged = this.#damage.sum
    return stats
  }

  async verify({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<ArchiveReport> {
    this.#assertOpen()
    return this.#queue.run(() => this.#inspect(false, signal))
  }

  async repair({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<ArchiveReport> {
    this.#assertOpen()
    return this.#queue.run(() => this.#inspect(true, signal))
  }

  /** Holds every envelope against its name, and drops those that differ if asked to. The index is made of the names. */
  async #inspect(mend: boolean, signal: AbortSignal | undefined): Promise<ArchiveReport> {
    const report = emptyReport()
    const spoiled: IndexEntry[] = []
    const { entries } = this.#writer.index
    for (let from = 0; from < entries.length; from += SLICE_ROWS) {
      signal?.throwIfAborted()
      const slice = entries.slice(from, from + SLICE_ROWS)
      const raws = await this.#records.raws(slice)
      slice.forEach((entry, i) => {
        if (isSound(entry, raws[i])) {
          report.envelopes++
          return
        }
        spoiled.push(entry)
        if (raws[i] === undefined) report.missing++
        else report.damaged++
        const { sent } = entry
        report.gaps = withGap(report.gaps, { from: sent, until: sent, kind: GapKind.damaged, count: 1 })
      })
    }
    if (!mend || spoiled.length === 0) return report
    await this.#writer.drop(spoiled)
    this.#damage.reset()
    this.#coverage.forgetMet()
    this.#watchers.removed(2 ** 32)
    for (const gap of report.gaps) if (!this.#coverage.knows(gap)) await this.#coverage.addGap(gap)
    return report
  }

  watch(watcher: ArchiveWatcher): () => void {
    return this.#watchers.add(watcher)
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.idle()
    return this.#closing
  }

  /** Finds its place in the index anew for each slice, because the index may have changed since the last one. */
  #source({ after, ...filter }: CheckedQuery): RowSource {
    const { lower, upper } = filter
    const matches = passing(filter)
    let position: Position | undefined = after
    const next = async (room: Room, signal?: AbortSignal | undefined): Promise<ArchiveRow[]> => {
      for (;;) {
        signal?.throwIfAborted()
        this.#assertOpen()
        const { index } = this.#writer
        const start = position === undefined ? index.from(lower) : index.after(position)
        const slice = sliceOf(index.entries, start, room, entry => (entry.sent > upper ? 'over' : matches(entry)))
        if (slice.length === 0) return []
        position = slice.at(-1)
        const raws = await this.#records.raws(slice)
        const rows = slice.flatMap((entry, i) => this.#row(entry, raws[i]) ?? [])
        if (rows.length > 0) return rows
      }
    }
    return { next }
  }

  /** Held against its hash; undefined when it was pruned since its place was found. */
  #row(entry: IndexEntry, raw: Uint8Array | undefined): SourceRow | undefined {
    const { sent, hash } = entry
    if (raw === undefined) return undefined
    if (isSound(entry, raw)) return { sent, hash, raw }
    this.#damage.note({ name: toHex(hash), times: { from: sent, until: sent }, count: 1 })
    return { sent, hash, raw: new Uint8Array(0), damaged: 1 }
  }

  #onDamage(damage: Damage): void {
    const gap = gapOf(damage)
    if (gap !== undefined) this.#coverage.meet(gap)
    this.#watchers.damaged(gap, inWords(damage))
  }

  #sequenceSource(filter: CheckedFilter, first: number): SequenceSource {
    const { lower, upper } = filter
    const passes = passing(filter)
    const entries = this.#writer.index.entries
      .filter(entry => entry.seq > first && entry.sent >= lower && entry.sent <= upper && passes(entry))
      .sort((a, b) => a.seq - b.seq)
    let at = 0
    const next: SequenceSource['next'] = async (_, room) => {
      this.#assertOpen()
      const slice = sliceOf(entries, at, room)
      at += slice.length
      const raws = await this.#records.raws(slice)
      const rows = slice.flatMap((entry, i) => {
        const row = this.#row(entry, raws[i])
        return row === undefined ? [] : [{ seq: entry.seq, ...row }]
      })
      return { rows, upTo: slice.at(-1)?.seq ?? Number.POSITIVE_INFINITY }
    }
    return { next }
  }

  /** A new archive begins now; one of before this was kept began with what it holds. */
  async #openCoverage(now: () => number): Promise<void> {
    const saved = await this.#records.coverage()
    const since = this.#writer.index.entries[0]?.sent ?? now()
    this.#coverage = new CoverageLog(saved, since, bytes => this.#records.putCoverage(bytes))
    if (saved === undefined) await this.#records.putCoverage(this.#coverage.bytes)
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ArchiveClosedError()
  }

  #failure(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted === true) return error
    if (this.#closing !== undefined) return new ArchiveClosedError(undefined, { cause: error })
    return archiveFailure('the archive could not be read or changed', error)
  }
}

/** Whether an entry is of the topics that are meant. */
function passing({ topics, bloom }: CheckedFilter): (entry: IndexEntry) => boolean {
  const wanted = topics && new Set(topics)
  const passes = bloom && bloomTest(bloom)
  return ({ topic }) => wanted?.has(topic) ?? passes?.(topic) ?? true
}

/** Whether an entry is of the topics that go. */
function meant({ topics, except }: CheckedTrim): (entry: IndexEntry) => boolean {
  const named = new Set(topics ?? except)
  return ({ topic }) => (topics === undefined) !== named.has(topic)
}

function unixNow(): number {
  return Math.floor(Date.now() / 1000)
}

function isSound({ hash }: IndexEntry, raw: Uint8Array | undefined): boolean {
  return raw !== undefined && equalBytes(keccak256(raw), hash)
}

/** Entries from `from` on that pass, as many as there is room for and no more than a slice. */
function sliceOf(
  entries: readonly IndexEntry[],
  from: number,
  room: Room,
  passes: (entry: IndexEntry) => boolean | 'over' = () => true
): IndexEntry[] {
  const slice: IndexEntry[] = []
  let bytes = Math.min(room.bytes, SLICE_BYTES)
  for (let i = from; i < entries.length && slice.length < Math.min(room.rows, SLICE_ROWS) && bytes >= 0; i++) {
    const entry = entries[i] as IndexEntry
    const verdict = passes(entry)
    if (verdict === 'over') break
    if (!verdict) continue
    slice.push(entry)
    bytes -= entry.size
  }
  return slice
}
