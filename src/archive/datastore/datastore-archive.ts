import type { Datastore } from 'interface-datastore'
import { equalBytes, toHex } from '../../wire/bytes.js'
import { checkFunction, checkNames, checkObject, checkSettings } from '../../wire/checks.js'
import { bloomTest } from '../../wire/envelope/bloom.js'
import type { Envelope } from '../../wire/envelope/envelope.js'
import { keccak256 } from '../../wire/keccak.js'
import { GapKind } from '../../wire/request/coverage.js'
import type { AppendOutcome, ArchiveReport, ArchiveRow, ArchiveStats, ArchiveTrimmed } from '../archive.js'
import { CheckedArchive, type Indexed, unixNow } from '../checked-archive.js'
import type { CheckedFilter, CheckedQuery, CheckedTrim } from '../checked-query.js'
import type { CoverageLog } from '../coverage-log.js'
import { type Damage, DamageLog, gapOf, inWords } from '../damage-log.js'
import { emptyReport } from '../empty-report.js'
import { archiveFailure } from '../errors.js'
import { withGap } from '../gap-list.js'
import { GroupCommit } from '../group-commit.js'
import { type Room, type RowSource, SLICE_BYTES, SLICE_ROWS, type SourceRow } from '../page.js'
import type { Position } from '../position.js'
import type { SequenceSource } from '../sequence-page.js'
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

/** Index entries taken at once. */
const INDEX_STEP = 1024

/**
 * A small archive on any datastore, for embedding and for tests; runs in a browser. An append is as safe on disk as the
 * datastore's batches are.
 */
export class DatastoreArchive extends CheckedArchive {
  /** There once it was opened. */
  protected coverageLog!: CoverageLog
  readonly #records: DatastoreRecords
  readonly #writer: DatastoreWriter
  readonly #commits: GroupCommit
  readonly #damage: DamageLog

  private constructor({
    datastore,
    prefix = '/archive',
    maxEnvelopes = 100_000,
    maxQueuedBytes,
    now = unixNow
  }: DatastoreArchiveInit) {
    super()
    this.#damage = new DamageLog(damage => this.#onDamage(damage), now)
    this.#records = new DatastoreRecords(datastore, prefix)
    const writer = new DatastoreWriter(this.#records, maxEnvelopes)
    this.#writer = writer
    this.#commits = new GroupCommit({
      commit: list => writer.append(list),
      onCommitted: (list, outcomes) => this.watchers.appended(list, outcomes),
      queue: this.queue,
      maxQueuedBytes,
      maxGroup: 1
    })
  }

  /**
   * @throws ArchiveFormatError when it was written by a version this one does not know
   * @throws TypeError for an option that is none, or of another type
   */
  static async open(init: DatastoreArchiveInit): Promise<DatastoreArchive> {
    checkNames(init, 'DatastoreArchive.open()', 'datastore prefix maxEnvelopes maxQueuedBytes now', TypeError)
    checkObject(init.datastore, 'datastore', TypeError)
    checkFunction(init.datastore.get, 'get of the datastore', TypeError)
    checkSettings(init, { prefix: '', maxEnvelopes: 1, maxQueuedBytes: 1, now: unixNow }, TypeError)
    const archive = new DatastoreArchive(init)
    try {
      await archive.#writer.settle()
      const records = archive.#records
      archive.coverageLog = await archive.openCoverage(await records.coverage(), init.now ?? unixNow, bytes =>
        records.putCoverage(bytes)
      )
      await archive.coverageLog.admit(init.now ?? unixNow)
      return archive
    } catch (error) {
      throw archiveFailure('the archive cannot be opened', error)
    }
  }

  get id(): Uint8Array {
    return this.#writer.id
  }

  protected lastSeq(): number {
    return this.#writer.lastSeq
  }

  protected write(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    return this.#commits.append(envelopes)
  }

  /** Finds its place in the index anew for each slice, because the index may have changed since the last one. */
  protected rows({ after, ...filter }: CheckedQuery): RowSource {
    const { lower, upper } = filter
    const matches = passing(filter)
    let position: Position | undefined = after
    const next = async (room: Room, signal?: AbortSignal | undefined): Promise<ArchiveRow[]> => {
      for (;;) {
        signal?.throwIfAborted()
        this.assertOpen()
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

  protected numbered(filter: CheckedFilter, { after }: { after: number }): SequenceSource {
    const { lower, upper } = filter
    const passes = passing(filter)
    const entries = this.#writer.index.entries
      .filter(entry => entry.seq > after && entry.sent >= lower && entry.sent <= upper && passes(entry))
      .sort((a, b) => a.seq - b.seq)
    let at = 0
    const next: SequenceSource['next'] = async (_, room) => {
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

  protected async *indexed(filter: CheckedFilter, take: (entry: Indexed) => void): AsyncGenerator<void, void> {
    const passes = passing(filter)
    const { index } = this.#writer
    const entries = index.entries.slice(index.from(filter.lower), index.from(filter.upper + 1))
    for (let from = 0; from < entries.length; from += INDEX_STEP) {
      for (const entry of entries.slice(from, from + INDEX_STEP)) if (passes(entry)) take(entry)
      yield
    }
  }

  protected async remove(trim: CheckedTrim, signal: AbortSignal | undefined): Promise<ArchiveTrimmed> {
    const isMeant = meant(trim)
    signal?.throwIfAborted()
    const { lastSeq, reached } = await this.step(async () => {
      const reached = this.#writer.cut(trim, isMeant)
      await this.coverageLog.raiseFloor(reached, trim)
      return { lastSeq: this.#writer.lastSeq, reached }
    })
    let removed = 0
    for (;;) {
      signal?.throwIfAborted()
      const count = await this.step(async () => {
        try {
          return await this.#writer.prune(reached, lastSeq, isMeant)
        } finally {
          // also after a failed write: nobody knows how much of it is on disk
          this.watchers.removed(reached)
        }
      })
      removed += count
      if (count === 0) return { removed, reached }
    }
  }

  protected async sum(): Promise<ArchiveStats> {
    const { entries, bytes, topics } = this.#writer.index
    const stats: ArchiveStats = { envelopes: entries.length, bytes, topics, lastSeq: this.#writer.lastSeq }
    const [oldest, newest] = [entries[0], entries.at(-1)]
    if (oldest !== undefined) stats.oldest = oldest.sent
    if (newest !== undefined) stats.newest = newest.sent
    if (this.#damage.sum !== undefined) stats.damaged = this.#damage.sum
    return stats
  }

  /** Holds every envelope against its name. The index is made of the names. */
  protected inspect(mend: boolean, signal: AbortSignal | undefined): Promise<ArchiveReport> {
    return this.queue.run(() => this.#inspect(mend, signal))
  }

  protected async release(): Promise<void> {}

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
    this.coverageLog.forgetMet()
    this.watchers.removed(2 ** 32)
    for (const gap of report.gaps) if (!this.coverageLog.knows(gap)) await this.coverageLog.addGap(gap)
    return report
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
    if (gap !== undefined) this.coverageLog.meet(gap)
    this.watchers.damaged(gap, inWords(damage))
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
