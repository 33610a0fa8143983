import { bloomTest } from '../../wire/envelope/bloom.js'
import type { Envelope } from '../../wire/envelope/envelope.js'
import type { AppendOutcome, ArchiveReport, ArchiveStats, ArchiveTrimmed } from '../archive.js'
import { CheckedArchive, type Indexed, unixNow } from '../checked-archive.js'
import type { CheckedFilter, CheckedQuery, CheckedTrim } from '../checked-query.js'
import { type Damage, DamageLog, gapOf, inWords } from '../damage-log.js'
import { ArchiveClosedError, ArchiveError, archiveFailure } from '../errors.js'
import { GroupCommit } from '../group-commit.js'
import type { RowSource } from '../page.js'
import type { SequenceSource } from '../sequence-page.js'
import { CassandraAttendance } from './cassandra-attendance.js'
import { CassandraDirectory, visiting } from './cassandra-directory.js'
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
   * Whether an archive is begun where there is none.
   * @default true
   */
  create?: boolean | undefined
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

interface Parts {
  id: Uint8Array
  session: CassandraSession
  head: CassandraHead
  attendance: CassandraAttendance
  /** Ends what waits for its turn. */
  stopped: AbortController
}

/** An archive that several daemons share, on Apache Cassandra. Node only. */
export class CassandraArchive extends CheckedArchive {
  readonly id: Uint8Array
  /** Until when this daemon was there; the others may have been longer. */
  protected readonly coverageLog: CassandraAttendance
  readonly #session: CassandraSession
  readonly #directory: CassandraDirectory
  readonly #head: CassandraHead
  readonly #topics: CassandraTopics
  readonly #pruner: CassandraPruner
  readonly #upkeep: CassandraUpkeep
  readonly #commits: GroupCommit
  readonly #damage: DamageLog
  readonly #rows: RowParts
  readonly #stopped: AbortController
  #failing = false

  private constructor(
    { keyspace, maxQueuedBytes, now = unixNow }: CassandraArchiveInit,
    { id, session, head, attendance, stopped }: Parts
  ) {
    super()
    this.id = id
    this.coverageLog = attendance
    this.#session = session
    this.#head = head
    this.#stopped = stopped
    const tables = new CassandraTables(keyspace)
    const directory = new CassandraDirectory(tables)
    const lookup = new CassandraLookup(tables)
    this.#directory = directory
    this.#topics = new CassandraTopics(session, directory)
    this.#damage = new DamageLog(damage => this.#onDamage(damage), now)
    this.#rows = { runner: session, tables, directory, lookup, damage: this.#damage }
    const writer = new CassandraWriter({ head, tables, directory, lookup })
    const step = <T>(task: () => Promise<T>): Promise<T> => this.step(task)
    const onRemoved = (before: number): void => this.watchers.removed(before)
    this.#pruner = new CassandraPruner({ session, head, tables, directory, writer, step, onRemoved })
    this.#upkeep = new CassandraUpkeep({ session, head, tables, directory, lookup, writer, attendance, step })
    this.#commits = new GroupCommit({
      commit: envelopes => this.#store(writer, envelopes),
      onCommitted: (envelopes, outcomes) => this.watchers.appended(envelopes, outcomes),
      queue: this.queue,
      maxQueuedBytes
    })
  }

  /**
   * Opens the archive in a keyspace, or begins a new one there.
   * @throws ArchiveFormatError when the keyspace is another program's, or of a version this one does not know; ArchiveError when it
   * cannot be reached, or would lose what was confirmed
   */
  static async open(init: CassandraArchiveInit): Promise<CassandraArchive> {
    const { keyspace, replication = 3, daemon = 'daemon', create = true, now = unixNow } = init
    if (!Number.isInteger(replication) || replication < 1)
      throw new ArchiveError('an archive is kept in 1 or more copies')
    const session = await CassandraSession.open(init)
    const stopped = new AbortController()
    try {
      await openSchema(session, { keyspace, replication, create })
      // a second's beginning is before what others, a person with cqlsh, deleted within it: a repair would not bring that back
      const clock = init.now ?? (() => Date.now() / 1000)
      const head = new CassandraHead(session, { keyspace, now: clock, stopped: stopped.signal })
      const { id } = await head.begin()
      const tables = new CassandraTables(keyspace)
      const attendance = await CassandraAttendance.open(
        { session, tables, head },
        { name: daemon, now: Math.floor(now()) }
      )
      return new CassandraArchive(init, { id, session, head, attendance, stopped })
    } catch (error) {
      await session.close().catch(() => {})
      throw archiveFailure('the archive cannot be opened', error)
    }
  }

  protected async lastSeq(): Promise<number> {
    return (await this.#head.read()).lastSeq
  }

  protected async write(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeUp = new Promise<never>((_, reject) => {
      const error = new ArchiveError('Cassandra did not confirm in time: it may be stored all the same')
      timer = setTimeout(() => reject(error), APPEND_PATIENCE * Math.ceil(envelopes.length / TURN))
    })
    try {
      return await Promise.race([this.#commits.append(envelopes), timeUp])
    } finally {
      clearTimeout(timer)
    }
  }

  protected async rows(query: CheckedQuery): Promise<RowSource> {
    const parts = this.#telling(query)
    return rowSource(parts, await this.#walk(parts, query))
  }

  protected async numbered(filter: CheckedFilter, { last }: { last: number }): Promise<SequenceSource> {
    const { lower, upper } = filter
    const passes = passing(filter)
    const accepts = (entry: Entry): boolean => entry.sent >= lower && entry.sent <= upper && passes(entry)
    return sequenceSource(this.#telling(filter), { last, accepts })
  }

  protected async *indexed(filter: CheckedFilter, take: (entry: Indexed) => void): AsyncGenerator<void, void> {
    const walk = await this.#walk(this.#rows, filter)
    for (;;) {
      const entries = await walk.next(STEP, Number.POSITIVE_INFINITY)
      if (entries.length === 0) return
      entries.forEach(take)
      yield
    }
  }

  protected remove(trim: CheckedTrim, signal: AbortSignal | undefined): Promise<ArchiveTrimmed> {
    return this.#pruner.trim(trim, signal)
  }

  protected async sum(): Promise<ArchiveStats> {
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
  }

  protected async inspect(mend: boolean, signal: AbortSignal | undefined): Promise<ArchiveReport> {
    if (!mend) return await this.#upkeep.verify(signal)
    const report = await this.#upkeep.repair(signal)
    if (report.damaged + report.missing > 0) this.watchers.removed(2 ** 32)
    this.#damage.reset()
    this.coverageLog.forgetMet()
    return report
  }

  protected async release(): Promise<void> {
    // what trims that ended had put in line
    await this.queue.idle()
    this.#stopped.abort(new ArchiveClosedError())
    await this.#session.close()
  }

  async #store(writer: CassandraWriter, envelopes: Envelope[]): Promise<AppendOutcome[]> {
    try {
      const outcomes = await writer.append(envelopes)
      if (this.#failing) this.watchers.writable()
      this.#failing = false
      return outcomes
    } catch (error) {
      this.#failing = true
      throw error
    }
  }

  #telling({ onVisited }: CheckedFilter): RowParts {
    return { ...this.#rows, runner: visiting(this.#session, onVisited) }
  }

  /** By the partitions of the topics where they are known and few, by those of the time where not. */
  async #walk(parts: RowParts, query: CheckedQuery): Promise<CassandraWalk> {
    const { topics, bloom } = query
    if (topics !== undefined) return await CassandraWalk.ofTopics(parts, query, topics)
    if (bloom === undefined) return await CassandraWalk.ofTime(parts, query)
    const passes = bloomTest(bloom)
    const { topicsStamp } = await this.#head.read()
    const matching = (await this.#topics.all(topicsStamp)).filter(passes)
    if (matching.length <= MAX_BLOOM_TOPICS) return await CassandraWalk.ofTopics(parts, query, matching)
    return await CassandraWalk.ofTime(parts, query, ({ topic }) => passes(topic))
  }

  #onDamage(damage: Damage): void {
    const gap = gapOf(damage)
    if (gap !== undefined) this.coverageLog.meet(gap)
    this.watchers.damaged(gap, inWords(damage))
  }
}

function passing({ topics, bloom }: CheckedFilter): (entry: Entry) => boolean {
  const wanted = topics && new Set(topics)
  const passes = bloom && bloomTest(bloom)
  return ({ topic }) => wanted?.has(topic) ?? passes?.(topic) ?? true
}
