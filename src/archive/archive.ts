import type { Envelope } from '../wire/envelope/envelope.js'
import type { Gap } from '../wire/request/coverage.js'
import type { DigestPart, DigestQuestion } from '../wire/request/digest.js'

/** What became of one appended envelope. `known`: it was stored before. */
export type AppendOutcome = 'stored' | 'known'

/** Which envelopes are meant. Both ends of the range are inclusive. */
export interface ArchiveFilter {
  /** Oldest `sent`, Unix seconds, 0..2^32-1. */
  lower: number
  /** Newest `sent`, Unix seconds, 0..2^32-1. */
  upper: number
  /** 4 bytes each, 1..1000 of them, duplicates allowed. Absent: any topic. Given, `bloom` is ignored. */
  topics?: Uint8Array[] | undefined
  /** 64 bytes; an envelope matches when the lossy bloom of its topic is covered. */
  bloom?: Uint8Array | undefined
}

/** Which envelopes a query wants, and how many at a time. */
export interface ArchiveQuery extends ArchiveFilter {
  /** 36 bytes `BE32(sent) ‖ hash`: only what lies strictly after it. */
  cursor?: Uint8Array | undefined
  /** At most this many envelopes, 1 or more (`Infinity` for a dialect that cannot page). */
  limit: number
  /** The page ends before its raw envelope bytes exceed this, but with at least one envelope however large. */
  maxBytes?: number | undefined
  signal?: AbortSignal | undefined
  /** Told how many entries of tables and indexes each read brought, 0 or more; by archives that can tell. */
  onVisited?: ((entries: number) => void) | undefined
  /** Asked before each read whether others wait: a slice of it is smaller then, by archives that can read less at a time. */
  brief?: (() => boolean) | undefined
}

/** One stored envelope as a query returns it: `raw` are the very bytes that were appended. */
export interface ArchiveRow {
  sent: number
  hash: Uint8Array
  raw: Uint8Array
}

/** How a query ended. `cursor` (36 bytes, of the last row returned) is there exactly when at least one more row matches. */
export interface ArchiveEnd {
  cursor?: Uint8Array | undefined
  /** So many matching envelopes, at least, are damaged and were left out of this page; absent when none is. */
  damaged?: number | undefined
}

/** Which envelopes a query in ingest order wants. */
export interface SequenceQuery extends ArchiveFilter {
  /** Only what has a greater ingest sequence number; 0 for everything. */
  after: number
  /** As for `ArchiveQuery`. */
  limit: number
  maxBytes?: number | undefined
  signal?: AbortSignal | undefined
  onVisited?: ArchiveQuery['onVisited']
  brief?: ArchiveQuery['brief']
}

export interface SequencedRow extends ArchiveRow {
  /** Ingest sequence number, 1 for the first envelope ever appended to this archive. */
  seq: number
}

/** How a query in ingest order ended: everything up to `seq` was looked at; `more` when at least one more row matches. */
export interface SequenceEnd {
  seq: number
  more: boolean
  /** As of `ArchiveEnd`. */
  damaged?: number | undefined
}

/** Which envelopes a digest is of, and how it is made. At least one part. */
export interface DigestQuery extends ArchiveFilter, DigestQuestion {
  signal?: AbortSignal | undefined
}

/** What an archive knows about what it may lack. */
export interface ArchiveCoverage {
  /** When it began, Unix seconds. */
  since: number
  /** Of what was asked about, what was sent before this time may have been pruned; 0 when nothing was. */
  oldest: number
  /** Last ingest sequence number given out, 0 when none ever was. */
  lastSeq: number
  /** Gaps that touch a range, ascending by `from`. */
  gaps: Gap[]
}

/** What is to be deleted: of what is meant, the oldest first. */
export interface ArchiveTrim {
  /** Only what was sent before this time; Unix seconds, 0..2^32. */
  before: number
  /** Only of these topics; 4 bytes each, 1..1000 of them. Not beside `except`. */
  topics?: Uint8Array[] | undefined
  /** Of all topics but these; 4 bytes each, 1..1000 of them. */
  except?: Uint8Array[] | undefined
  /** No more than so many envelopes, but at least those of the oldest second; an integer of 1 or more. */
  most?: number | undefined
  /** Until so many envelopes are deleted and, where both are given, so many bytes; 1 or more. */
  envelopes?: number | undefined
  bytes?: number | undefined
  signal?: AbortSignal | undefined
}

export interface ArchiveTrimmed {
  removed: number
  /** Of what is meant, everything that was sent before this time is deleted: `before`, or less where that would have been too much. */
  reached: number
}

/** What is stored of something. */
export interface ArchiveSize {
  envelopes: number
  /** Sum of raw envelope bytes. */
  bytes: number
}

/** What was found that cannot be delivered, since the archive was opened. */
export interface ArchiveDamage {
  /** At least. */
  envelopes: number
  /** When it was first and last met, Unix seconds. */
  first: number
  last: number
}

export interface ArchiveStats {
  envelopes: number
  /** Sum of raw envelope bytes. */
  bytes: number
  /** `sent` of the oldest and newest envelope; absent when empty. */
  oldest?: number | undefined
  newest?: number | undefined
  /** Last ingest sequence number given out, 0 when none ever was. */
  lastSeq: number
  /** Distinct topics stored. */
  topics: number
  /** Absent when nothing damaged was met. */
  damaged?: ArchiveDamage | undefined
}

/** What a look at everything found. */
export interface ArchiveReport {
  /** Those that are as they were stored. */
  envelopes: number
  /** Those, at least, of which only something damaged is left. */
  damaged: number
  /** Those that were stored, were not pruned, and are gone. */
  missing: number
  /** Entries of indexes that are missing or wrong, at least. */
  index: number
  /** Whether what `stats` says differs from what is there. Not looked at where something was stored or pruned meanwhile. */
  countsWrong: boolean
  /** Parts of the database's files whose checksums were wrong. */
  files: number
  /** Those that were put right, with all that lies in them, by a repair or without being asked for since the archive was opened. */
  restored: number
  /** The times of what is damaged or missing, or was dropped without being asked for since the archive was opened. */
  gaps: Gap[]
}

/** Who wants to know what changes. Called by the archive between two writes: it must not throw, and not take long. */
export interface ArchiveWatcher {
  /**
   * What an append is about to report, and for each envelope as what: all are on disk, and their appender does not know yet.
   */
  appended?: ((envelopes: readonly Envelope[], outcomes: readonly AppendOutcome[]) => void) | undefined
  /**
   * Something sent before a time (Unix seconds, 0..2^32) was deleted. What was reported as stored until now and is older may
   * be gone; what is reported from now on is there.
   */
  removed?: ((before: number) => void) | undefined
  /**
   * Something stored turned out to be damaged, or lost: a gap of the kind `damaged` as far as its times are known, with what is to be
   * said of it in a line.
   */
  damaged?: ((gap: Gap | undefined, text: string) => void) | undefined
  /** What is appended can be stored again, after a time when it could not. */
  writable?: (() => void) | undefined
}

/**
 * Holds envelopes by (sent, hash). Every implementation passes the same conformance suite (test/archive).
 *
 * Paging promises: every envelope stored before a walk began and not pruned before its page is delivered exactly once;
 * one appended or pruned during the walk at most once.
 */
export interface Archive {
  /** 8 random bytes chosen when the archive was created. */
  readonly id: Uint8Array
  /**
   * Stores a batch; resolves, in order, when all of it is on disk. Idempotent by hash, also within one batch and between
   * concurrent appends. Rejects with `ArchiveError` when nothing of the batch may be counted as stored.
   */
  append(envelopes: Envelope[]): Promise<AppendOutcome[]>
  /**
   * Rows in ascending (sent, hash) order, in slices of at most a few hundred rows, or of none where much was looked at and nothing
   * found yet: work for others comes between two slices. No snapshot or iterator is held while a slice is with the consumer; returning early frees everything. Throws `ArchiveQueryError` when a field is out of its
   * range, `MalformedError` when the cursor is not 36 bytes. A cursor before `lower` changes nothing, one after `upper` ends
   * the walk.
   */
  query(query: ArchiveQuery): AsyncGenerator<ArchiveRow[], ArchiveEnd>
  /**
   * Rows in ingest order, in slices as `query` gives them; what was pruned is left out, and what is appended after the query
   * began is not looked at. An envelope that comes late or is dated back is never missed by who goes on where the last query
   * ended. Throws as `query` does, and when `after` is above the last sequence number.
   */
  sequence(query: SequenceQuery): AsyncGenerator<SequencedRow[], SequenceEnd>
  /**
   * Count and fingerprint of what matches, in parts (protocols/mailserver.md), from the index alone. Yields after each piece of
   * work. What is appended or pruned meanwhile may or may not be in it. Throws as `query` does, and `ArchiveError` where
   * the index is damaged.
   */
  digest(query: DigestQuery): AsyncGenerator<void, DigestPart[]>
  /** What is known about envelopes that match and may be missing. */
  coverage(filter: ArchiveFilter): Promise<ArchiveCoverage>
  /** Remembers that envelopes of a time may be missing; gaps of a kind that touch are joined. On disk when it resolves. */
  addGap(gap: Gap): Promise<void>
  /** Until when somebody is known to have put into this archive what was heard, Unix seconds; absent when that was never said. */
  readonly attended: number | undefined
  /** Says so, also for who opens it next. */
  attend(now: number): Promise<void>
  /**
   * Deletes every envelope with sent < `before` (Unix seconds, 0..2^32) that is stored now; resolves with how many. Goes in
   * small steps between which appends are served, and may be broken off between any two.
   */
  prune(before: number, options?: { signal?: AbortSignal | undefined }): Promise<number>
  /**
   * Deletes as `prune` does, of some topics or not too much at a time. Throws `ArchiveQueryError` when a field is out of its range.
   */
  trim(trim: ArchiveTrim): Promise<ArchiveTrimmed>
  /** How much is stored of what matches, from the index alone. Throws as `query` does. */
  size(filter: ArchiveFilter & { signal?: AbortSignal | undefined }): Promise<ArchiveSize>
  stats(): Promise<ArchiveStats>
  /** Reads everything and says what is wrong; changes nothing, and appends go on. */
  verify(options?: { signal?: AbortSignal | undefined }): Promise<ArchiveReport>
  /**
   * Drops what is damaged, and makes indexes and counts anew from the envelopes; says what it found, and keeps the gaps. Appends wait
   * for it. One that was broken off is begun anew, at the latest by the next opener.
   */
  repair(options?: { signal?: AbortSignal | undefined }): Promise<ArchiveReport>
  /** Tells of every change that is made through this object, whoever asks for it. Returns what ends that. */
  watch(watcher: ArchiveWatcher): () => void
  /** Finishes accepted appends, then releases the store. Anything after it rejects with `ArchiveClosedError`. */
  close(): Promise<void>
}
