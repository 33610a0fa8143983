import type { Envelope } from '../../wire/envelope/envelope.js'
import type { Gap } from '../../wire/request/coverage.js'
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
import { DamageLog } from '../damage-log.js'
import type { CheckOptions, Mended } from '../database/files/database-files.js'
import { type LevelStore, readRange } from '../database/level-store.js'
import { ArchiveClosedError, archiveFailure } from '../errors.js'
import { GroupCommit } from '../group-commit.js'
import { page, type RowSource } from '../page.js'
import { RangeDigest } from '../range-digest.js'
import { sequencePage } from '../sequence-page.js'
import { Watchers } from '../watchers.js'
import { WriteQueue } from '../write-queue.js'
import type { IngestMarks } from './ingest-marks.js'
import { BlockSequence } from './level-block-sequence.js'
import { BLOCK_SIZE, Blocks } from './level-blocks.js'
import { openFormat } from './level-format.js'
import { acceptsTopic, type IndexedTopics, takeIndexed } from './level-indexed.js'
import * as layout from './level-layout.js'
import { Ledger } from './level-ledger.js'
import { TopicWalk } from './level-planner.js'
import { Pruner } from './level-pruner.js'
import { withRoom } from './level-room.js'
import { LevelRows } from './level-rows.js'
import { Scan } from './level-scan.js'
import { Upkeep } from './level-upkeep.js'
import { Walk } from './level-walk.js'
import { LevelWriter } from './level-writer.js'
import { TopicDictionary } from './topic-dictionary.js'

export interface LevelArchiveInit {
  /** An open LevelDB. The archive keeps to the keys of its sublevel `a`. */
  db: LevelStore
  /**
   * Bytes of envelopes that may wait to be written; beyond that an append is refused with `ArchiveBusyError`.
   * @default 67_108_864 (64 MiB)
   */
  maxQueuedBytes?: number | undefined
  /** What is noted beside the database of what was stored. Closed with the archive. */
  marks?: IngestMarks | undefined
  /**
   * The clock: Unix time in seconds.
   * @default the system's
   */
  now?: (() => number) | undefined
  /**
   * Numbers of a block of the order of ingest, for an archive that has no whole one yet; 2..65,536.
   * @default 65_536
   */
  blockSize?: number | undefined
}

const COVERAGE_KEY = layout.metaKey('coverage')

/** A filter that matches more topics than this is answered by a scan. */
const MAX_BLOOM_TOPICS = 4096

/** The archive of a node: LevelDB, every group of appends one synced batch, queries by the topics' index. */
export class LevelArchive implements Archive {
  readonly id: Uint8Array
  readonly #store: LevelStore
  readonly #ledger: Ledger
  readonly #dictionary: TopicDictionary
  readonly #queue: WriteQueue
  readonly #watchers = new Watchers()
  readonly #blocks: Blocks
  readonly #writer: LevelWriter
  readonly #commits: GroupCommit
  readonly #pruner: Pruner
  #coverage!: CoverageLog
  readonly #damage: DamageLog
  readonly #rows: LevelRows
  readonly #marks: IngestMarks | undefined
  #upkeep!: Upkeep
  #finishing: Promise<void> | undefined
  #prunes = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  private constructor(
    { db, maxQueuedBytes, marks, now = unixNow, blockSize = BLOCK_SIZE }: LevelArchiveInit,
    id: Uint8Array
  ) {
    this.id = id
    this.#store = db
    this.#queue = new WriteQueue()
    this.#damage = new DamageLog(damage => this.#upkeep.met(damage), now)
    this.#rows = new LevelRows(db, this.#damage)
    this.#dictionary = new TopicDictionary(db, this.#queue)
    this.#ledger = new Ledger(db, this.#dictionary, blockSize / 2)
    this.#blocks = new Blocks(db, this.#ledger, blockSize)
    this.#writer = new LevelWriter(db, this.#ledger, this.#blocks, marks)
    this.#marks = marks
    this.#commits = new GroupCommit({
      commit: async envelopes => {
        if (db.trouble !== undefined) throw db.trouble
        return this.#writer.append(envelopes)
      },
      onCommitted: envelopes => {
        this.#finishBlocks()
        this.#watchers.appended(envelopes)
      },
      queue: this.#queue,
      maxQueuedBytes
    })
    this.#pruner = new Pruner({
      store: db,
      ledger: this.#ledger,
      blocks: this.#blocks,
      writer: this.#writer,
      step: task => this.#step(task),
      onRemoved: before => this.#watchers.removed(before),
      raiseFloor: (before, choice) => this.#coverage.raiseFloor(before, choice),
      floors: () => this.#coverage.floors
    })
  }

  /**
   * Opens the archive in a database, or begins a new one there. The database stays its opener's to close.
   * @throws ArchiveFormatError when it was written by a version this one does not know
   */
  static async open(init: LevelArchiveInit): Promise<LevelArchive> {
    try {
      const archive = new LevelArchive(init, await openFormat(init.db))
      await archive.#writer.load()
      await archive.#openCoverage(init.now ?? unixNow)
      await archive.#upkeep.open()
      archive.#finishBlocks()
      return archive
    } catch (error) {
      throw archiveFailure('the archive cannot be opened', error)
    }
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
    const checked = checkQuery(query)
    try {
      return yield* page(this.#whileOpen(await this.#plan(checked)), query)
    } catch (error) {
      throw this.#failure(error, query.signal)
    }
  }

  async *sequence(query: SequenceQuery): AsyncGenerator<SequencedRow[], SequenceEnd> {
    this.#assertOpen()
    const { lastSeq } = this.#ledger.totals
    const filter = checkSequence(query, lastSeq)
    try {
      const meant = await this.#topicsOf(filter)
      const passes = acceptsTopic(meant)
      const { lower, upper } = filter
      const source = new BlockSequence(this.#rows, this.#blocks, {
        topics: typeof meant === 'function' ? undefined : meant,
        accepts: ({ sent, topic }) => sent >= lower && sent <= upper && passes(topic),
        floors: () => this.#coverage.floors
      })
      const next: BlockSequence['next'] = (...args) => {
        this.#assertOpen()
        return source.next(...args)
      }
      return yield* sequencePage({ next }, query, lastSeq)
    } catch (error) {
      throw this.#failure(error, query.signal)
    }
  }

  async *digest(query: DigestQuery): AsyncGenerator<void, DigestPart[]> {
    this.#assertOpen()
    const filter = checkDigest(query)
    const digest = new RangeDigest(filter, query)
    try {
      const topics = await this.#topicsOf(filter)
      const take = ({ sent, hash }: layout.Entry): void => digest.add(sent, hash)
      for await (const _ of takeIndexed(this.#store, this.#ledger, filter, topics, take)) {
        query.signal?.throwIfAborted()
        yield
        this.#assertOpen()
      }
      return digest.parts()
    } catch (error) {
      throw this.#failure(error, query.signal)
    }
  }

  async coverage(filter: ArchiveFilter): Promise<ArchiveCoverage> {
    this.#assertOpen()
    const checked = checkFilter(filter)
    return this.#coverage.describe({ ...checked, meant: meantTopics(checked) }, this.#ledger.totals.lastSeq)
  }

  addGap(gap: Gap): Promise<void> {
    return this.#step(() => this.#coverage.addGap(gap))
  }

  get attended(): number | undefined {
    return this.#coverage.attended
  }

  attend(now: number): Promise<void> {
    return this.#step(() => this.#coverage.attend(now))
  }

  async prune(before: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<number> {
    return (await this.trim({ before, signal })).removed
  }

  async trim({ signal, ...trim }: ArchiveTrim): Promise<ArchiveTrimmed> {
    this.#assertOpen()
    const trimmed = this.#trim(checkTrim(trim), signal)
    this.#prunes.add(trimmed)
    try {
      return await trimmed
    } catch (error) {
      throw this.#failure(error, signal)
    } finally {
      this.#prunes.delete(trimmed)
    }
  }

  async size({ signal, ...filter }: ArchiveFilter & { signal?: AbortSignal | undefined }): Promise<ArchiveSize> {
    this.#assertOpen()
    const checked = checkFilter(filter)
    const size: ArchiveSize = { envelopes: 0, bytes: 0 }
    try {
      const take = (entry: layout.Entry): void => {
        size.envelopes += 1
        size.bytes += entry.size
      }
      for await (const _ of takeIndexed(this.#store, this.#ledger, checked, await this.#topicsOf(checked), take)) {
        signal?.throwIfAborted()
        this.#assertOpen()
      }
      return size
    } catch (error) {
      throw this.#failure(error, signal)
    }
  }

  /** To be called when the database takes writes again. */
  tellWritable(): void {
    this.#watchers.writable()
  }

  async stats(): Promise<ArchiveStats> {
    this.#assertOpen()
    const { envelopes, bytes, topics, lastSeq } = this.#ledger.totals
    const days = this.#ledger.days(0, 0xffff)
    const stats: ArchiveStats = { envelopes, bytes, topics, lastSeq }
    if (this.#damage.sum !== undefined) stats.damaged = this.#damage.sum
    const [first, last] = [days[0], days.at(-1)]
    if (first === undefined || last === undefined) return stats
    try {
      const [[oldest], [newest]] = await Promise.all([
        readRange(this.#store, layout.dayEnvelopes(first), 1),
        readRange(this.#store, { ...layout.dayEnvelopes(last), reverse: true }, 1)
      ])
      if (oldest !== undefined) stats.oldest = layout.envelopeSent(oldest[0])
      if (newest !== undefined) stats.newest = layout.envelopeSent(newest[0])
      return stats
    } catch (error) {
      throw this.#failure(error)
    }
  }

  async verify({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<ArchiveReport> {
    this.#assertOpen()
    try {
      return await this.#upkeep.verify(signal)
    } catch (error) {
      throw this.#failure(error, signal)
    }
  }

  async repair({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<ArchiveReport> {
    this.#assertOpen()
    try {
      return await this.#upkeep.repair(signal)
    } catch (error) {
      throw this.#failure(error, signal)
    }
  }

  /** Looks at the checksums of the files, in pieces, and mends what is damaged. Resolves with how many parts of them were. */
  checkFiles(options: CheckOptions): Promise<number> {
    return this.#upkeep.checkFiles(options)
  }

  /** To be called when its files were mended. */
  tellMended(mended: Mended): Promise<void> {
    return this.#upkeep.mended(mended)
  }

  watch(watcher: ArchiveWatcher): () => void {
    for (const { gap, text } of this.#upkeep.takeUnsaid()) watcher.damaged?.(gap, text)
    return this.#watchers.add(watcher)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#queue.idle()
      await Promise.allSettled([...this.#prunes, this.#finishing])
      await this.#upkeep.markClean().catch(() => {}) // then the next opener looks closer
      this.#marks?.close()
    })()
    return this.#closing
  }

  /** Also on a disk that takes nothing more, if what was kept back for that is enough. */
  async #trim(trim: CheckedTrim, signal: AbortSignal | undefined): Promise<ArchiveTrimmed> {
    let removed = 0
    let bytes = 0
    const work = async (): Promise<ArchiveTrimmed> => {
      const left = {
        most: Math.max(1, trim.most - removed),
        envelopes: trim.envelopes - removed,
        bytes: trim.bytes - bytes
      }
      const steps = this.#pruner.trim({ ...trim, ...left }, signal)
      for (;;) {
        const { done, value } = await steps.next()
        if (done === true) return { removed, reached: value }
        removed += value.removed
        bytes += value.bytes
      }
    }
    return withRoom(this.#store, work, signal)
  }

  /** A new archive begins now; one of before this was kept began with what it holds. */
  async #openCoverage(now: () => number): Promise<void> {
    const [saved] = await this.#store.getMany([COVERAGE_KEY])
    const since = saved === undefined ? ((await this.stats()).oldest ?? now()) : 0
    const save = (value: Uint8Array) => this.#store.batch([{ type: 'put', key: COVERAGE_KEY, value }], { sync: true })
    this.#coverage = new CoverageLog(saved, since, save)
    if (saved === undefined) await save(this.#coverage.bytes)
    this.#upkeep = new Upkeep({
      store: this.#store,
      ledger: this.#ledger,
      blocks: this.#blocks,
      writer: this.#writer,
      coverage: this.#coverage,
      damage: this.#damage,
      watchers: this.#watchers,
      marks: this.#marks,
      step: task => this.#step(task)
    })
  }

  /** The topics that a filter means, or what tells them. */
  async #topicsOf({ topics, bloom }: CheckedFilter): Promise<IndexedTopics> {
    if (topics !== undefined) return topics
    if (bloom === undefined) return () => true
    return (await this.#matching(bloom)) ?? bloomTest(bloom)
  }

  #matching(bloom: Uint8Array): Promise<number[] | undefined> {
    return this.#dictionary.matching(bloom, { max: MAX_BLOOM_TOPICS, total: this.#ledger.totals.topics })
  }

  async #plan(query: CheckedQuery): Promise<RowSource> {
    const { topics, bloom, after, upper } = query
    if (after !== undefined && after.sent > upper) return { next: async () => [] }
    if (topics !== undefined) return new TopicWalk(this.#rows, this.#ledger, query, topics)
    if (bloom === undefined) return new Walk(this.#rows, this.#fromFirstDay(query))
    const matching = await this.#matching(bloom)
    if (matching !== undefined) return new TopicWalk(this.#rows, this.#ledger, query, matching)
    return new Scan(this.#rows, this.#fromFirstDay(query), { accepts: bloomTest(bloom), share: 1 })
  }

  /** Deleted envelopes before the first day are not worth stepping over. */
  #fromFirstDay(query: CheckedQuery): CheckedQuery {
    const first = this.#ledger.days(0, 0xffff)[0] ?? 0
    return { ...query, lower: Math.min(query.upper, Math.max(query.lower, first * layout.DAY)) }
  }

  #whileOpen(source: RowSource): RowSource {
    return {
      next: (room, signal) => {
        this.#assertOpen()
        return source.next(room, signal)
      }
    }
  }

  /** One after another, each between two appends; what fails is tried again after the next append. */
  #finishBlocks(): void {
    if (this.#finishing !== undefined || this.#closing !== undefined || !this.#blocks.isDue) return
    const finish = async (): Promise<void> => {
      while (this.#closing === undefined && this.#store.trouble === undefined && this.#blocks.isDue) {
        const change = await this.#blocks.finish()
        if (change === undefined) return
        await this.#step(() => this.#writer.finishBlock(change))
      }
    }
    this.#finishing = finish()
      .catch(() => {})
      .finally(() => {
        this.#finishing = undefined
      })
  }

  async #step<T>(task: () => Promise<T>): Promise<T> {
    this.#assertOpen()
    return this.#queue.run(task)
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ArchiveClosedError()
  }

  #failure(error: unknown, signal?: AbortSignal | undefined): unknown {
    if (signal?.aborted === true) return error
    if (this.#closing !== undefined) return new ArchiveClosedError(undefined, { cause: error })
    return archiveFailure('the archive could not be read or changed', error)
  }
}

function unixNow(): number {
  return Math.floor(Date.now() / 1000)
}
