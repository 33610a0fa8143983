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
  checkDigest,
  checkFilter,
  checkQuery,
  checkSequence,
  checkTrim,
  meantTopics
} from '../checked-query.js'
import { type Damage, DamageLog, gapOf, inWords } from '../damage-log.js'
import { ArchiveClosedError, ArchiveError, archiveFailure } from '../errors.js'
import { GroupCommit } from '../group-commit.js'
import { page } from '../page.js'
import { RangeDigest } from '../range-digest.js'
import { sequencePage } from '../sequence-page.js'
import { Watchers } from '../watchers.js'
import { WriteQueue } from '../write-queue.js'
import { CassandraAttendance } from './cassandra-attendance.js'
import { CassandraDirectory } from './cassandra-directory.js'
import type { Entry } from './cassandra-entry.js'
import { CassandraHead } from './cassandra-head.js'
import { CassandraLookup } from './cassandra-lookup.js'
import { CassandraPruner } from './cassandra-pruner.js'
import { type RowParts, rowSource, sequenceSource } from './cassandra-rows.js'
import { openSchema } from './cassandra-schema.js'
import { CassandraSession, type SessionInit } from './cassandra-session.js'
import { CassandraTables } from './cassandra-tables.js'
import { CassandraTopics } from './cassandra-topics.js'
import { CassandraUpkeep } from './cassandra-upkeep.js'
import { CassandraWalk } from './cassandra-walk.js'
import { CassandraWriter, TURN } from './cassandra-writer.js'

export interface CassandraArchiveInit extends SessionInit {
  /**
   * Copies of everything in the data centre: a quorum of them has to be up.
   * @default 3
   */
  replication?: number | undefined
  /**
   * Of who attends to the archive: the same when it is started again, and no other's.
   * @default 'daemon'
   */
  daemon?: string | undefined
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

/** Entries taken into a digest or a size at once. */
const STEP = 1024
/** A filter that matches more topics than this is answered by a scan. */
const MAX_BLOOM_TOPICS = 64
/** Nobody waits longer than ten seconds for each turn to hear that something could not be stored, ms. */
const APPEND_PATIENCE = 9800
/** Another form of what is wrong than the driver's. */
const UNREAD = 'the archive could not be read or changed'

/** An archive that several daemons share, on Apache Cassandra. Node only. */
export class CassandraArchive implements Archive {
  readonly id: Uint8Array
  readonly #session: CassandraSession
  readonly #tables: CassandraTables
  readonly #directory: CassandraDirectory
  readonly #head: CassandraHead
  readonly #topics: CassandraTopics
  readonly #attendance: CassandraAttendance
  readonly #writer: CassandraWriter
  readonly #pruner: CassandraPruner
  readonly #upkeep: CassandraUpkeep
  readonly #queue = new WriteQueue()
  readonly #watchers = new Watchers()
  readonly #commits: GroupCommit
  readonly #damage: DamageLog
  readonly #rows: RowParts
  readonly #stopped: AbortController
  readonly #trims = new Set<Promise<unknown>>()
  #failing = false
  #closing: Promise<void> | undefined

  private constructor(
    { keyspace, maxQueuedBytes, now = unixNow }: CassandraArchiveInit,
    {
      id,
      session,
      head,
      attendance,
      stopped
    }: {
      id: Uint8Array
      session: CassandraSession
      head: CassandraHead
      attendance: CassandraAttendance
      stopped: AbortController
    }
  ) {
    this.id = id
    this.#session = session
    this.#head = head
    this.#attendance = attendance
    this.#stopped = stopped
    const tables = new CassandraTables(keyspace)
    const directory = new CassandraDirectory(tables)
    const lookup = new CassandraLookup(tables)
    this.#tables = tables
    this.#directory = directory
    this.#topics = new CassandraTopics(session, directory)
    this.#damage = new DamageLog(damage => this.#onDamage(damage), now)
    this.#rows = { runner: session, tables, lookup, damage: this.#damage }
    const writer = new CassandraWriter({ head, tables, directory, lookup })
    this.#writer = writer
    const step = <T>(task: () => Promise<T>): Promise<T> => this.#step(task)
    this.#pruner = new CassandraPruner({
      session,
      head,
      tables,
      directory,
      writer,
      step,
      onRemoved: before => this.#watchers.removed(before)
    })
    this.#upkeep = new CassandraUpkeep({ session, head, tables, directory, lookup, writer, attendance, step })
    this.#commits = new GroupCommit({
      commit: envelopes => this.#store(envelopes),
      onCommitted: envelopes => this.#watchers.appended(envelopes),
      queue: this.#queue,
      maxQueuedBytes
    })
  }

  /**
   * Opens the archive in a keyspace, or begins a new one there.
   * @throws ArchiveFormatError when the keyspace is another program's, or of a version this one does not know; ArchiveError when it
   * cannot be reached, or would lose what was confirmed
   */
  static async open(init: CassandraArchiveInit): Promise<CassandraArchive> {
    const { keyspace, replication = 3, daemon = 'daemon', now = unixNow } = init
    if (!Number.isInteger(replication) || replication < 1)
      throw new ArchiveError('an archive is kept in 1 or more copies')
    const session = await CassandraSession.open(init)
    const stopped = new AbortController()
    try {
      await openSchema(session, { keyspace, replication })
      const head = new CassandraHead(session, { keyspace, now, stopped: stopped.signal })
      const { id } = await head.begin()
      const tables = new CassandraTables(keyspace)
      const attendance = await CassandraAttendance.open(session, tables, { name: daemon, now: Math.floor(now()) })
      return new CassandraArchive(init, { id, session, head, attendance, stopped })
    } catch (error) {
      await session.close().catch(() => {})
      throw archiveFailure('the archive cannot be opened', error)
    }
  }

  async append(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    this.#assertOpen()
    if (envelopes.length === 0) return []
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeUp = new Promise<never>((_, reject) => {
      const error = new ArchiveError('Cassandra did not confirm in time: it may be stored all the same')
      timer = setTimeout(() => reject(error), APPEND_PATIENCE * Math.ceil(envelopes.length / TURN))
    })
    try {
      return await Promise.race([this.#commits.append(envelopes), timeUp])
    } catch (error) {
      throw archiveFailure('envelopes could not be written to the archive', error)
    } finally {
      clearTimeout(timer)
    }
  }

  async *query(query: ArchiveQuery): AsyncGenerator<ArchiveRow[], ArchiveEnd> {
    this.#assertOpen()
    const checked = checkQuery(query)
    const source = rowSource(this.#rows, () => this.#walk(checked))
    const next: typeof source.next = (...args) => {
      this.#assertOpen()
      return source.next(...args)
    }
    try {
      return yield* page({ next }, query)
    } catch (error) {
      throw this.#failure(error, query.signal)
    }
  }

  async *sequence(query: SequenceQuery): AsyncGenerator<SequencedRow[], SequenceEnd> {
    this.#assertOpen()
    query.signal?.throwIfAborted()
    const { lastSeq } = await this.#readHead()
    const filter = checkSequence(query, lastSeq)
    const { lower, upper } = filter
    const passes = passing(filter)
    const source = sequenceSource(this.#rows, {
      last: lastSeq,
      accepts: entry => entry.sent >= lower && entry.sent <= upper && passes(entry)
    })
    const next: typeof source.next = (...args) => {
      this.#assertOpen()
      return source.next(...args)
    }
    try {
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
      for await (const entries of this.#entries(filter, query.signal)) {
        for (const { sent, hash } of entries) digest.add(sent, hash)
        yield
      }
      return digest.parts()
    } catch (error) {
      throw this.#failure(error, query.signal)
    }
  }

  async coverage(filter: ArchiveFilter): Promise<ArchiveCoverage> {
    this.#assertOpen()
    const checked = checkFilter(filter)
    try {
      const { lower, upper } = checked
      const [head, gaps] = await Promise.all([this.#head.read(), this.#attendance.gaps(lower, upper)])
      const { since, floors, lastSeq } = head
      return { since, oldest: floors.highest(meantTopics(checked)), lastSeq, gaps }
    } catch (error) {
      throw this.#failure(error)
    }
  }

  addGap(gap: Gap): Promise<void> {
    return this.#step(() => this.#attendance.addGap(gap))
  }

  /** Until when this daemon was there; the others may have been longer. */
  get attended(): number | undefined {
    return this.#attendance.attended
  }

  attend(now: number): Promise<void> {
    return this.#step(() => this.#attendance.attend(now))
  }

  async prune(before: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<number> {
    return (await this.trim({ before, signal })).removed
  }

  async trim({ signal, ...trim }: ArchiveTrim): Promise<ArchiveTrimmed> {
    this.#assertOpen()
    const trimmed = this.#pruner.trim(checkTrim(trim), signal)
    this.#trims.add(trimmed)
    try {
      return await trimmed
    } catch (error) {
      throw this.#failure(error, signal)
    } finally {
      this.#trims.delete(trimmed)
    }
  }

  async size({ signal, ...filter }: ArchiveFilter & { signal?: AbortSignal | undefined }): Promise<ArchiveSize> {
    this.#assertOpen()
    const checked = checkFilter(filter)
    const size: ArchiveSize = { envelopes: 0, bytes: 0 }
    try {
      for await (const entries of this.#entries(checked, signal)) {
        size.envelopes += entries.length
        size.bytes += entries.reduce((sum, entry) => sum + entry.size, 0)
      }
      return size
    } catch (error) {
      throw this.#failure(error, signal)
    }
  }

  async stats(): Promise<ArchiveStats> {
    this.#assertOpen()
    try {
      const [{ envelopes, bytes, topics, lastSeq }, oldest, newest] = await Promise.all([
        this.#head.read(),
        this.#directory.endOfAll(this.#session, 'oldest'),
        this.#directory.endOfAll(this.#session, 'newest')
      ])
      const stats: ArchiveStats = { envelopes, bytes, topics, lastSeq }
      if (oldest !== undefined) stats.oldest = oldest
      if (newest !== undefined) stats.newest = newest
      if (this.#damage.sum !== undefined) stats.damaged = this.#damage.sum
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
      const report = await this.#upkeep.repair(signal)
      if (report.damaged + report.missing > 0) this.#watchers.removed(2 ** 32)
      this.#damage.reset()
      this.#attendance.forgetMet()
      return report
    } catch (error) {
      throw this.#failure(error, signal)
    }
  }

  watch(watcher: ArchiveWatcher): () => void {
    return this.#watchers.add(watcher)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#queue.idle()
      await Promise.allSettled(this.#trims)
      await this.#queue.idle()
      this.#stopped.abort(new ArchiveClosedError())
      await this.#session.close()
    })()
    return this.#closing
  }

  async #store(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    try {
      const outcomes = await this.#writer.append(envelopes)
      if (this.#failing) this.#watchers.writable()
      this.#failing = false
      return outcomes
    } catch (error) {
      this.#failing = true
      throw error
    }
  }

  async *#entries(filter: CheckedFilter, signal: AbortSignal | undefined): AsyncGenerator<Entry[], void> {
    const walk = await this.#walk(filter)
    for (;;) {
      signal?.throwIfAborted()
      this.#assertOpen()
      const entries = await walk.next(STEP, Number.POSITIVE_INFINITY, signal)
      if (entries.length === 0) return
      yield entries
    }
  }

  /** By the partitions of the topics where they are known and few, by those of the time where not. */
  async #walk(query: CheckedQuery): Promise<CassandraWalk> {
    const parts = { directory: this.#directory, tables: this.#tables }
    const { topics, bloom } = query
    if (topics !== undefined) return await CassandraWalk.ofTopics(this.#session, parts, query, topics)
    if (bloom === undefined) return await CassandraWalk.ofTime(this.#session, parts, query)
    const passes = bloomTest(bloom)
    const { topicsStamp } = await this.#head.read()
    const matching = (await this.#topics.all(topicsStamp)).filter(passes)
    if (matching.length <= MAX_BLOOM_TOPICS) return await CassandraWalk.ofTopics(this.#session, parts, query, matching)
    return await CassandraWalk.ofTime(this.#session, parts, query, ({ topic }) => passes(topic))
  }

  async #readHead() {
    try {
      return await this.#head.read()
    } catch (error) {
      throw this.#failure(error)
    }
  }

  #onDamage(damage: Damage): void {
    const gap = gapOf(damage)
    if (gap !== undefined) this.#attendance.meet(gap)
    this.#watchers.damaged(gap, inWords(damage))
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
    return archiveFailure(UNREAD, error)
  }
}

function passing({ topics, bloom }: CheckedFilter): (entry: Entry) => boolean {
  const wanted = topics && new Set(topics)
  const passes = bloom && bloomTest(bloom)
  return ({ topic }) => wanted?.has(topic) ?? passes?.(topic) ?? true
}

function unixNow(): number {
  return Math.floor(Date.now() / 1000)
}
