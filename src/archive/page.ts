import { encodeCursor } from '../wire/cursor.js'
import type { ArchiveEnd, ArchiveRow } from './archive.js'

/** What a page still has room for. */
export interface Room {
  /** Envelopes, 1 or more; one is the look-ahead. May be `Infinity`. */
  rows: number
  /** Bytes of envelopes, 0 or more. May be `Infinity`. */
  bytes: number
}

/** Matching rows in ascending order, from where the last call ended. */
export interface RowSource {
  /**
   * At least one row unless there are no more; never more than `room.rows` or a slice, and ends
   * soon after `room.bytes`.
   */
  next(room: Room, signal?: AbortSignal | undefined): Promise<ArchiveRow[]>
}

/** A slice handed to the consumer holds at most this many envelopes, and ends soon after so many bytes. */
export const SLICE_ROWS = 512
export const SLICE_BYTES = 512 * 1024

/**
 * Cuts a page out of a source. Between two slices nothing of the source is open; a row more than asked for is read to
 * know whether the page has a successor.
 */
export async function* page(
  source: RowSource,
  {
    limit,
    maxBytes = Number.POSITIVE_INFINITY,
    signal
  }: { limit: number; maxBytes?: number | undefined; signal?: AbortSignal | undefined }
): AsyncGenerator<ArchiveRow[], ArchiveEnd> {
  let rowsLeft = limit
  let bytesLeft = maxBytes
  let last: ArchiveRow | undefined
  for (;;) {
    signal?.throwIfAborted()
    const rows = await source.next({ rows: rowsLeft + 1, bytes: bytesLeft }, signal)
    if (rows.length === 0) return {}
    let taken = 0
    for (const row of rows) {
      if (rowsLeft === 0 || (last !== undefined && row.raw.length > bytesLeft)) break
      last = row
      rowsLeft--
      bytesLeft = Math.max(0, bytesLeft - row.raw.length)
      taken++
    }
    signal?.throwIfAborted()
    if (taken > 0) yield taken === rows.length ? rows : rows.slice(0, taken)
    if (taken < rows.length && last !== undefined) return { cursor: encodeCursor(last.sent, last.hash) }
  }
}
