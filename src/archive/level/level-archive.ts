import { bloomTest } from '../../wire/envelope/bloom.js'
import type { Envelope } from '../../wire/envelope/envelope.js'
import { GapKind } from '../../wire/request/coverage.js'
import type { AppendOutcome, ArchiveReport, ArchiveStats, ArchiveTrimmed, ArchiveWatcher } from '../archive.js'
import { CheckedArchive, type Indexed, unixNow } from '../checked-archive.js'
import type { CheckedFilter, CheckedQuery, CheckedTrim } from '../checked-query.js'
import type { CoverageLog } from '../coverage-log.js'
import { DamageLog } from '../damage-log.js'
import type { CheckOptions, Mended } from '../database/files/database-files.js'
import { type LevelStore, readRange } from '../database/level-store.js'
import { ArchiveDamagedError, archiveFailure } from '../errors.js'
import { GroupCommit } from '../group-commit.js'
import type { RowSource } from '../page.js'
import type { SequenceSource } from '../sequence-page.js'
import type { IngestMarks } from './ingest-marks.js'
import { BlockSequence } from './level-block-sequence.js'
import { BLOCK_SIZE, Blocks } from './level-blocks.js'
import { Census } from './level-census.js'
import { openFormat } from './level-format.js'
import * as layout from './level-layout.js'
import { Ledger } from './level-ledger.js'
import { dropLeftovers } from './level-leftovers.js'
import { Mending } from './level-mending.js'
import { acceptsTopic, type MeantTopics, type PostedParts, postedEntries } from './level-posted-entries.js'
import { PostedWalk } from './level-posted-walk.js'
import { Pruner } from './level-pruner.js'
import { withRoom } from './level-room.js'
import { LevelRows } from './level-rows.js'
import { Scan } from './level-scan.js'
import { Upkeep } from './level-upkeep.js'
import { Walk } from './level-walk.js'
import { LevelWriter } from './level-writer.js'
import type { RefusedTimes } from './refused-times.js'
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
  /** What is noted beside the database of when it could store nothing. Closed with the archive. */
  refused?: RefusedTimes | undefined
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
  /**
   * Looks for what may be hidden that no query gave a reason for: how much time for them is saved up, ms; 0 for none.
   * @default 20
   */
  maxCredit?: number | undefined
}

const COVERAGE_KEY = layout.metaKey('coverage')

/** A filter that matches more topics than this is answered by a scan. */
const MAX_BLOOM_TOPICS = 4096
/** So are as many, at least, that are such a share of all: what takes longest for them is to look at each topic. */
const MANY_TOPICS = 256
const MOST_TOPICS = 0.25

/** The archive of a node: LevelDB, every group of appends one synced batch, topics found by the order of ingest. */
export class LevelArchive extends CheckedArchive {
  /** There once it was opened. */
  protected coverageLog!: CoverageLog
  readonly id: Uint8Array
  readonly #store: LevelStore
  readonly #ledger: Ledger
  readonly #dictionary: TopicDictionary
  readonly #census: Census
  readonly #blocks: Blocks
  readonly #writer: LevelWriter
  readonly #commits: GroupCommit
  readonly #pruner: Pruner
  readonly #damage: DamageLog
  readonly #rows: LevelRows
  readonly #marks: IngestMarks | undefined
  readonly #refused: RefusedTimes | undefined
  readonly #mending = new Mending()
  #upkeep!: Upkeep
  /** Told when a reader met damage: the files are worth a look. */
  onDamaged: () => void = () => {}
  #finishing: Promise<void> | undefined
  #dropping: Promise<void> | undefined

  private constructor(
    { db, maxQueuedBytes, marks, refused, now = unixNow, blockSize = BLOCK_SIZE, maxCredit }: LevelArchiveInit,
    id: Uint8Array
  ) {
    super()
    this.id = id
    this.#store = db
    this.#damage = new DamageLog(damage => {
      this.#upkeep.met(damage)
      this.onDamaged()
    }, now)
    this.#rows = new LevelRows(db, this.#damage)
    this.#dictionary = new TopicDictionary(db, this.queue)
    this.#ledger = new Ledger(db, this.#dictionary, blockSize / 2)
    this.#census = new Census(db, this.#ledger, this.queue, maxCredit)
    this.#blocks = new Blocks({
      store: db,
      ledger: this.#ledger,
      size: blockSize,
      floors: () => this.coverageLog.floors,
      between: work => this.#census.between(work)
    })
    this.#writer = new LevelWriter(db, this.#ledger, this.#blocks, marks)
    this.#marks = marks
    this.#refused = refused
    this.#commits = new GroupCommit({
      commit: async envelopes => {
        try {
          const trouble = db.trouble ?? this.#upkeep.trouble
          if (trouble !== undefined) throw trouble
          const outcomes = await this.#writer.append(envelopes)
          await this.#noteRefused()
          return outcomes
        } catch (error) {
          refused?.note(now())
          throw error
        }
      },
      onCommitted: (envelopes, outcomes) => {
        this.#finishBlocks()
        this.watchers.appended(envelopes, outcomes)
      },
      queue: this.queue,
      maxQueuedBytes
    })
    this.#pruner = new Pruner({
      store: db,
      ledger: this.#ledger,
      blocks: this.#blocks,
      writer: this.#writer,
      step: task => this.step(task),
      onRemoved: before => this.watchers.removed(before),
      raiseFloor: (before, choice) => this.coverageLog.raiseFloor(before, choice),
      floors: () => this.coverageLog.floors,
      posted: () => this.#posted()
    })
  }

  /**
   * Opens the archive in a database, or begins a new one there. The database stays its opener's to close.
   * @throws ArchiveFormatError when it was written by a version this one does not know
   */
  static async open(init: LevelArchiveInit): Promise<LevelArchive> {
    try {
      const { id, told } = await withRoom(init.db, () => openFormat(init.db)) // it takes over what older versions wrote
      const archive = new LevelArchive(init, id)
      await withRoom(init.db, () => archive.#writer.load()) // it writes what was counted since
      await archive.#openUpkeep(init.now ?? unixNow, told)
      archive.#finishBlocks()
      archive.#dropLeftovers()
      return archive
    } catch (error) {
      throw archiveFailure('the archive cannot be opened', error)
    }
  }

  /** To be called when the database takes writes again. Never rejects. */
  async tellWritable(): Promise<void> {
    if (await this.#upkeep.catchUp()) this.watchers.writable()
  }

  /** Looks at the checksums of the files, in pieces, and mends what is damaged. Resolves with how many parts of them were. */
  checkFiles(options: CheckOptions): Promise<number> {
    return this.#upkeep.checkFiles(options)
  }

  /** Says something to who watches, or to who will. */
  say(text: string): void {
    this.#upkeep.say(text)
  }

  /** To be called when its files were mended. */
  tellMended(mended: Mended): Promise<void> {
    return this.#upkeep.mended(mended)
  }

  override watch(watcher: ArchiveWatcher): () => void {
    const { damaged } = watcher
    if (damaged !== undefined) for (const { gap, text } of this.#upkeep.takeUnsaid()) damaged(gap, text)
    return super.watch(watcher)
  }

  protected lastSeq(): number {
    return this.#ledger.totals.lastSeq
  }

  protected write(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    return this.#commits.append(envelopes)
  }

  protected async rows(query: CheckedQuery): Promise<RowSource> {
    return this.#mending.rows(await this.#rowsOf(query))
  }

  async #rowsOf(query: CheckedQuery): Promise<RowSource> {
    const { topics, bloom, after, upper } = query
    const parts = this.#posted(query.onVisited)
    if (after !== undefined && after.sent > upper) return { next: async () => [] }
    if (topics !== undefined) return new PostedWalk(parts, this.#fromFirstDay(query), topics)
    if (bloom === undefined) return new Walk(parts, this.#fromFirstDay(query))
    const matching = await this.#matching(bloom)
    const share = matching === undefined ? 1 : matching.length / Math.max(1, this.#ledger.totals.topics)
    if (matching !== undefined && (matching.length < MANY_TOPICS || share < MOST_TOPICS))
      return new PostedWalk(parts, this.#fromFirstDay(query), matching)
    return new Scan(parts, this.#fromFirstDay(query), { accepts: bloomTest(bloom), share })
  }

  #posted(onVisited?: (entries: number) => void): PostedParts {
    return {
      rows: this.#rows.telling(onVisited),
      ledger: this.#ledger,
      census: this.#census,
      blocks: this.#blocks,
      floors: () => this.coverageLog.floors
    }
  }

  protected async numbered(filter: CheckedFilter): Promise<SequenceSource> {
    const meant = await this.#topicsOf(filter)
    const passes = acceptsTopic(meant)
    const { lower, upper } = filter
    const source = new BlockSequence(this.#rows.telling(filter.onVisited), this.#blocks, {
      topics: typeof meant === 'function' ? undefined : meant,
      accepts: ({ sent, topic }) => sent >= lower && sent <= upper && passes(topic),
      floors: () => this.coverageLog.floors
    })
    return this.#mending.numbered(source)
  }

  protected async *indexed(filter: CheckedFilter, take: (entry: Indexed) => void): AsyncGenerator<void, void> {
    this.#mending.assertOver()
    try {
      yield* postedEntries(this.#posted(), filter, await this.#topicsOf(filter), take)
    } catch (error) {
      if (error instanceof ArchiveDamagedError) {
        this.#upkeep.say(error.message)
        this.onDamaged()
      }
      throw error
    }
    this.#mending.assertOver()
  }

  /** Also on a disk that takes nothing more, if what was kept back for that is enough. */
  protected async remove(trim: CheckedTrim, signal: AbortSignal | undefined): Promise<ArchiveTrimmed> {
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

  protected async sum(): Promise<ArchiveStats> {
    const { envelopes, bytes, topics, lastSeq } = this.#ledger.totals
    const days = this.#ledger.days(0, 0xffff)
    const stats: ArchiveStats = { envelopes, bytes, topics, lastSeq }
    if (this.#damage.sum !== undefined) stats.damaged = this.#damage.sum
    const [first, last] = [days[0], days.at(-1)]
    if (first === undefined || last === undefined) return stats
    const [[oldest], [newest]] = await Promise.all([
      readRange(this.#store, layout.dayEnvelopes(first), 1),
      readRange(this.#store, { ...layout.dayEnvelopes(last), reverse: true }, 1)
    ])
    if (oldest !== undefined && layout.isWhole(oldest[0])) stats.oldest = layout.envelopeSent(oldest[0])
    if (newest !== undefined && layout.isWhole(newest[0])) stats.newest = layout.envelopeSent(newest[0])
    return stats
  }

  protected inspect(mend: boolean, signal: AbortSignal | undefined): Promise<ArchiveReport> {
    return mend ? this.#upkeep.repair(signal) : this.#upkeep.verify(signal)
  }

  protected async release(): Promise<void> {
    await Promise.all([this.#finishing, this.#dropping])
    await this.#upkeep.markClean().catch(() => {}) // then the next opener looks closer
    this.#marks?.close()
    this.#refused?.close()
  }

  async #openUpkeep(now: () => number, told: string | undefined): Promise<void> {
    const [saved] = await this.#store.getMany([COVERAGE_KEY])
    this.coverageLog = await this.openCoverage(saved, now, value =>
      this.#store.batch([{ type: 'put', key: COVERAGE_KEY, value }], { sync: true })
    )
    this.#upkeep = new Upkeep({
      store: this.#store,
      ledger: this.#ledger,
      blocks: this.#blocks,
      writer: this.#writer,
      coverage: this.coverageLog,
      damage: this.#damage,
      watchers: this.watchers,
      mending: this.#mending,
      marks: this.#marks,
      now,
      step: task => this.step(task)
    })
    if (told !== undefined) this.#upkeep.say(told)
    await this.#upkeep.open()
    this.#refused?.open()
    await this.#noteRefused()
  }

  /** The topics that a filter means, or what tells them. */
  async #topicsOf({ topics, bloom }: CheckedFilter): Promise<MeantTopics> {
    if (topics !== undefined) return topics
    if (bloom === undefined) return () => true
    return (await this.#matching(bloom)) ?? bloomTest(bloom)
  }

  #matching(bloom: Uint8Array): Promise<number[] | undefined> {
    return this.#dictionary.matching(bloom, { max: MAX_BLOOM_TOPICS, total: this.#ledger.totals.topics })
  }

  /** Deleted envelopes before the first day are not worth stepping over. */
  #fromFirstDay(query: CheckedQuery): CheckedQuery {
    const first = this.#ledger.days(0, 0xffff)[0] ?? 0
    return { ...query, lower: Math.min(query.upper, Math.max(query.lower, first * layout.DAY)) }
  }

  /** Keeps as a gap when nothing could be stored; what was stored since is, whatever becomes of that. */
  async #noteRefused(): Promise<void> {
    const time = this.#refused?.time
    if (time === undefined) return
    const gap = { ...time, kind: GapKind.unstored, count: 0 }
    try {
      await this.coverageLog.addGap(gap)
      this.#refused?.clear()
    } catch {
      this.coverageLog.meet(gap)
    }
  }

  /** One after another, each between two appends; what fails is tried again after the next append. */
  #finishBlocks(): void {
    if (this.#finishing !== undefined || this.isClosing || !this.#blocks.isDue) return
    const finish = async (): Promise<void> => {
      while (!this.isClosing && this.#store.trouble === undefined && this.#blocks.isDue) {
        const change = await this.#blocks.finish()
        if (change === undefined) return
        await this.step(() => this.#writer.finishBlock(change))
        if (change.damaged) this.onDamaged()
      }
    }
    this.#finishing = finish()
      .catch(() => {})
      .finally(() => {
        this.#finishing = undefined
      })
  }

  /** What older versions wrote goes little by little; what fails is tried again after the next opening. */
  #dropLeftovers(): void {
    const isOver = (): boolean => this.isClosing || this.#store.trouble !== undefined
    this.#dropping = dropLeftovers(this.#store, task => this.step(task), isOver).catch(() => {})
  }
}
