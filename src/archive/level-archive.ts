import type { Envelope } from '../wire/envelope.js'
import type {
  AppendOutcome,
  Archive,
  ArchiveEnd,
  ArchiveQuery,
  ArchiveRow,
  ArchiveStats,
  SequencedRow
} from './archive.js'
import { bloomTest } from './bloom-test.js'
import { type CheckedQuery, checkLimit, checkPruneBound, checkQuery } from './checked-query.js'
import { ArchiveClosedError, archiveFailure } from './errors.js'
import { GroupCommit } from './group-commit.js'
import { openFormat } from './level-format.js'
import * as layout from './level-layout.js'
import { Ledger } from './level-ledger.js'
import { TopicWalk } from './level-planner.js'
import { Pruner } from './level-pruner.js'
import { Scan } from './level-scan.js'
import { sequence } from './level-sequence.js'
import { type LevelStore, readRange } from './level-store.js'
import { Walk } from './level-walk.js'
import { LevelWriter } from './level-writer.js'
import { page, type RowSource } from './page.js'
import { TopicDictionary } from './topic-dictionary.js'
import { WriteQueue } from './write-queue.js'

export interface LevelArchiveInit {
  /** An open LevelDB. The archive keeps to the keys of its sublevel `a`. */
  db: LevelStore
  /**
   * Bytes of envelopes that may wait to be written; beyond that an append is refused with `ArchiveBusyError`.
   * @default 67_108_864 (64 MiB)
   */
  maxQueuedBytes?: number | undefined
}

/** A filter that matches more topics than this is answered by a scan. */
const MAX_BLOOM_TOPICS = 4096

/** The archive of a node: LevelDB, every group of appends one synced batch, queries by the topics' index. */
export class LevelArchive implements Archive {
  readonly id: Uint8Array
  readonly #store: LevelStore
  readonly #ledger: Ledger
  readonly #dictionary: TopicDictionary
  readonly #queue: WriteQueue
  readonly #writer: LevelWriter
  readonly #commits: GroupCommit
  readonly #pruner: Pruner
  #prunes = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  private constructor({ db, maxQueuedBytes }: LevelArchiveInit, id: Uint8Array) {
    this.id = id
    this.#store = db
    this.#queue = new WriteQueue()
    this.#dictionary = new TopicDictionary(db, this.#queue)
    this.#ledger = new Ledger(db, this.#dictionary)
    this.#writer = new LevelWriter(db, this.#ledger)
    this.#commits = new GroupCommit({
      commit: envelopes => this.#writer.append(envelopes),
      queue: this.#queue,
      maxQueuedBytes
    })
    this.#pruner = new Pruner({ store: db, ledger: this.#ledger, writer: this.#writer, step: task => this.#step(task) })
  }

  /**
   * Opens the archive in a database, or begins a new one there. The database stays its opener's to close.
   * @throws ArchiveFormatError when it was written by a version this one does not know
   */
  static async open(init: LevelArchiveInit): Promise<LevelArchive> {
    try {
      const archive = new LevelArchive(init, await openFormat(init.db))
      await archive.#writer.load()
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

  async *since(
    after: bigint,
    { limit, signal }: { limit: number; signal?: AbortSignal | undefined }
  ): AsyncGenerator<SequencedRow[], void> {
    this.#assertOpen()
    checkLimit(limit)
    if (after >= BigInt(this.#ledger.totals.lastSeq)) return
    try {
      for await (const rows of sequence(this.#store, Math.max(0, Number(after)), { limit, signal })) {
        yield rows
        this.#assertOpen()
      }
    } catch (error) {
      throw this.#failure(error, signal)
    }
  }

  async prune(before: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<number> {
    this.#assertOpen()
    checkPruneBound(before)
    const pruned = this.#pruner.prune(before, signal)
    this.#prunes.add(pruned)
    try {
      return await pruned
    } catch (error) {
      throw this.#failure(error, signal)
    } finally {
      this.#prunes.delete(pruned)
    }
  }

  async stats(): Promise<ArchiveStats> {
    this.#assertOpen()
    const { envelopes, bytes, topics, lastSeq } = this.#ledger.totals
    const days = this.#ledger.days(0, 0xffff)
    const stats: ArchiveStats = { envelopes, bytes, topics, lastSeq: BigInt(lastSeq) }
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

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#queue.idle()
      await Promise.allSettled(this.#prunes)
    })()
    return this.#closing
  }

  async #plan(query: CheckedQuery): Promise<RowSource> {
    const { topics, bloom, after, upper } = query
    if (after !== undefined && after.sent > upper) return { next: async () => [] }
    if (topics !== undefined) return new TopicWalk(this.#store, this.#ledger, query, topics)
    if (bloom === undefined) return new Walk(this.#store, this.#fromFirstDay(query))
    const matching = await this.#dictionary.matching(bloom, {
      max: MAX_BLOOM_TOPICS,
      total: this.#ledger.totals.topics
    })
    if (matching !== undefined) return new TopicWalk(this.#store, this.#ledger, query, matching)
    return new Scan(this.#store, this.#fromFirstDay(query), { accepts: bloomTest(bloom), share: 1 })
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
