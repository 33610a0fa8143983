import type { Envelope } from '../wire/envelope.js'

/** What became of one appended envelope. `known`: it was stored before. */
export type AppendOutcome = 'stored' | 'known'

/** Which envelopes a query wants. Both ends of the range are inclusive. */
export interface ArchiveQuery {
  /** Oldest `sent`, Unix seconds, 0..2^32-1. */
  lower: number
  /** Newest `sent`, Unix seconds, 0..2^32-1. */
  upper: number
  /** 4 bytes each, 1..1000 of them, duplicates allowed. Absent: any topic. Given, `bloom` is ignored. */
  topics?: Uint8Array[] | undefined
  /** 64 bytes; an envelope matches when the lossy bloom of its topic is covered. */
  bloom?: Uint8Array | undefined
  /** 36 bytes `BE32(sent) ‖ hash`: only what lies strictly after it. */
  cursor?: Uint8Array | undefined
  /** At most this many envelopes, 1 or more (`Infinity` for a dialect that cannot page). */
  limit: number
  /** The page ends before its raw envelope bytes exceed this, but with at least one envelope however large. */
  maxBytes?: number | undefined
  signal?: AbortSignal | undefined
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
}

export interface SequencedRow {
  /** Ingest sequence number, 1 for the first envelope ever appended to this archive. */
  seq: bigint
  raw: Uint8Array
}

export interface ArchiveStats {
  envelopes: number
  /** Sum of raw envelope bytes. */
  bytes: number
  /** `sent` of the oldest and newest envelope; absent when empty. */
  oldest?: number | undefined
  newest?: number | undefined
  /** Last ingest sequence number given out, 0 when none ever was. */
  lastSeq: bigint
  /** Distinct topics stored. */
  topics: number
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
   * Rows in ascending (sent, hash) order, in slices of at most a few hundred rows. No snapshot or iterator is held while a
   * slice is with the consumer; returning early frees everything. Throws `ArchiveQueryError` when a field is out of its
   * range, `MalformedError` when the cursor is not 36 bytes. A cursor before `lower` changes nothing, one after `upper` ends
   * the walk.
   */
  query(query: ArchiveQuery): AsyncGenerator<ArchiveRow[], ArchiveEnd>
  /** Rows in ingest order with seq > `after`, at most `limit`, pruned ones left out. */
  since(
    after: bigint,
    options: { limit: number; signal?: AbortSignal | undefined }
  ): AsyncGenerator<SequencedRow[], void>
  /**
   * Deletes every envelope with sent < `before` (Unix seconds, 0..2^32) that is stored now; resolves with how many. Goes in
   * small steps between which appends are served, and may be broken off between any two.
   */
  prune(before: number, options?: { signal?: AbortSignal | undefined }): Promise<number>
  stats(): Promise<ArchiveStats>
  /** Finishes accepted appends, then releases the store. Anything after it rejects with `ArchiveClosedError`. */
  close(): Promise<void>
}
