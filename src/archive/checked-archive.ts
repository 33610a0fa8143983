import { OneAtATime } from '../base/one-at-a-time.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { Gap } from '../wire/request/coverage.js'
import type { DigestPart } from '../wire/request/digest.js'
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
} from './archive.js'
import {
  type CheckedFilter,
  type CheckedQuery,
  type CheckedTrim,
  checkDigest,
  checkEnvelopes,
  checkFilter,
  checkQuery,
  checkSequence,
  checkTrim,
  meantTopics
} from './checked-query.js'
import { type Coverage, CoverageLog, isCoverage } from './coverage-log.js'
import { ArchiveClosedError, archiveFailure } from './errors.js'
import { page, type RowSource } from './page.js'
import { RangeDigest } from './range-digest.js'
import { type SequenceSource, sequencePage } from './sequence-page.js'
import { Watchers } from './watchers.js'

/** What the index tells of an envelope. */
export interface Indexed {
  sent: number
  hash: Uint8Array
  /** Bytes of the envelope. */
  size: number
}

type Options = { signal?: AbortSignal | undefined }

/**
 * What every archive does around its store: checks what it is asked, cuts pages, takes changes one at a time, ends, and tells errors of its
 * own from those of the store. An implementation has the rest, and is asked nothing that was not checked.
 */
export abstract class CheckedArchive implements Archive {
  abstract readonly id: Uint8Array
  /** Every change waits for its turn here. */
  protected readonly queue = new OneAtATime()
  protected readonly watchers = new Watchers()
  readonly #trims = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  protected abstract readonly coverageLog: Coverage
  /** Last ingest sequence number given out, 0 when none ever was. */
  protected abstract lastSeq(): number | Promise<number>
  /** Stores a batch of one or more, as `append` does. */
  protected abstract write(envelopes: Envelope[]): Promise<AppendOutcome[]>
  /** What matches, in the order of time. */
  protected abstract rows(query: CheckedQuery): Promise<RowSource> | RowSource
  /** What matches, in the order of ingest, of numbers above `after` and up to `last`, the last one there is. */
  protected abstract numbered(
    filter: CheckedFilter,
    span: { after: number; last: number }
  ): Promise<SequenceSource> | SequenceSource
  /** Takes what matches out of the index, in any order; yields after each piece of work. */
  protected abstract indexed(filter: CheckedFilter, take: (entry: Indexed) => void): AsyncIterable<void>
  protected abstract remove(trim: CheckedTrim, signal: AbortSignal | undefined): Promise<ArchiveTrimmed>
  protected abstract sum(): Promise<ArchiveStats>
  /** @param mend - drops what is damaged, too */
  protected abstract inspect(mend: boolean, signal: AbortSignal | undefined): Promise<ArchiveReport>
  /** Called once, when nothing is written any more. */
  protected abstract release(): Promise<void>

  async append(envelopes: Envelope[]): Promise<AppendOutcome[]> {
    this.assertOpen()
    checkEnvelopes(envelopes)
    if (envelopes.length === 0) return []
    try {
      return await this.write(envelopes)
    } catch (error) {
      throw archiveFailure('envelopes could not be written to the archive', error)
    }
  }

  async *query(query: ArchiveQuery): AsyncGenerator<ArchiveRow[], ArchiveEnd> {
    this.assertOpen()
    const checked = checkQuery(query)
    try {
      return yield* page(this.#whileOpen(await this.rows(checked)), query)
    } catch (error) {
      throw this.#failure(error, query.signal)
    }
  }

  async *sequence(query: SequenceQuery): AsyncGenerator<SequencedRow[], SequenceEnd> {
    this.assertOpen()
    try {
      query.signal?.throwIfAborted()
      const lastSeq = await this.lastSeq()
      const filter = checkSequence(query, lastSeq)
      return yield* sequencePage(
        this.#whileOpen(await this.numbered(filter, { after: query.after, last: lastSeq })),
        query,
        lastSeq
      )
    } catch (error) {
      throw this.#failure(error, query.signal)
    }
  }

  async *digest(query: DigestQuery): AsyncGenerator<void, DigestPart[]> {
    this.assertOpen()
    const filter = checkDigest(query)
    const digest = new RangeDigest(filter, query)
    try {
      query.signal?.throwIfAborted()
      for await (const _ of this.indexed(filter, ({ sent, hash }) => digest.add(sent, hash))) {
        query.signal?.throwIfAborted()
        yield
        this.assertOpen()
      }
      return digest.parts()
    } catch (error) {
      throw this.#failure(error, query.signal)
    }
  }

  async size({ signal, ...filter }: ArchiveFilter & Options): Promise<ArchiveSize> {
    this.assertOpen()
    const checked = checkFilter(filter)
    const sum: ArchiveSize = { envelopes: 0, bytes: 0 }
    const take = ({ size }: Indexed): void => {
      sum.envelopes += 1
      sum.bytes += size
    }
    try {
      signal?.throwIfAborted()
      for await (const _ of this.indexed(checked, take)) {
        signal?.throwIfAborted()
        this.assertOpen()
      }
      return sum
    } catch (error) {
      throw this.#failure(error, signal)
    }
  }

  async coverage(filter: ArchiveFilter): Promise<ArchiveCoverage> {
    this.assertOpen()
    const checked = checkFilter(filter)
    try {
      const known = await this.coverageLog.describe({ ...checked, meant: meantTopics(checked) })
      return { ...known, lastSeq: await this.lastSeq() }
    } catch (error) {
      throw this.#failure(error)
    }
  }

  addGap(gap: Gap): Promise<void> {
    return this.step(() => this.coverageLog.addGap(gap))
  }

  get attended(): number | undefined {
    return this.coverageLog.attended
  }

  attend(now: number): Promise<void> {
    return this.step(() => this.coverageLog.attend(now))
  }

  async prune(before: number, { signal }: Options = {}): Promise<number> {
    return (await this.trim({ before, signal })).removed
  }

  async trim({ signal, ...trim }: ArchiveTrim): Promise<ArchiveTrimmed> {
    this.assertOpen()
    const trimmed = this.remove(checkTrim(trim), signal)
    this.#trims.add(trimmed)
    try {
      return await trimmed
    } catch (error) {
      throw this.#failure(error, signal)
    } finally {
      this.#trims.delete(trimmed)
    }
  }

  async stats(): Promise<ArchiveStats> {
    this.assertOpen()
    try {
      return await this.sum()
    } catch (error) {
      throw this.#failure(error)
    }
  }

  verify({ signal }: Options = {}): Promise<ArchiveReport> {
    return this.#inspect(false, signal)
  }

  repair({ signal }: Options = {}): Promise<ArchiveReport> {
    return this.#inspect(true, signal)
  }

  watch(watcher: ArchiveWatcher): () => void {
    return this.watchers.add(watcher)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.queue.idle()
      await Promise.allSettled(this.#trims)
      await this.release()
    })()
    return this.#closing
  }

  /**
   * What an archive knows of its coverage. A new archive begins now; one of before this was kept began with what it holds.
   * @param saved - what `save` was given last
   * @param now - Unix seconds
   */
  protected async openCoverage(
    saved: Uint8Array | undefined,
    now: () => number,
    save: (bytes: Uint8Array) => Promise<void>
  ): Promise<CoverageLog> {
    const since = isCoverage(saved) ? 0 : ((await this.sum()).oldest ?? now())
    const log = new CoverageLog(saved, since, save)
    if (saved === undefined) await save(log.bytes)
    return log
  }

  /** Runs a task between two changes. */
  protected async step<T>(task: () => Promise<T>): Promise<T> {
    this.assertOpen()
    return this.queue.run(task)
  }

  protected get isClosing(): boolean {
    return this.#closing !== undefined
  }

  /** @throws ArchiveClosedError */
  protected assertOpen(): void {
    if (this.#closing !== undefined) throw new ArchiveClosedError()
  }

  async #inspect(mend: boolean, signal: AbortSignal | undefined): Promise<ArchiveReport> {
    this.assertOpen()
    try {
      return await this.inspect(mend, signal)
    } catch (error) {
      throw this.#failure(error, signal)
    }
  }

  #whileOpen<Asked extends unknown[], Found>(source: { next(...asked: Asked): Promise<Found> }) {
    return {
      next: (...asked: Asked): Promise<Found> => {
        this.assertOpen()
        return source.next(...asked)
      }
    }
  }

  #failure(error: unknown, signal?: AbortSignal | undefined): unknown {
    if (signal?.aborted === true) return error
    if (this.#closing !== undefined) return new ArchiveClosedError(undefined, { cause: error })
    return archiveFailure('the archive could not be read or changed', error)
  }
}

/** The system's clock, Unix seconds. */
export function unixNow(): number {
  return Math.floor(Date.now() / 1000)
}
