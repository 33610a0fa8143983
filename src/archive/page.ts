import * as FIGURES from '../limits/figures.js'
import { encodeCursor } from '../wire/request/cursor.js'
import type { ArchiveEnd, ArchiveQuery, ArchiveRow } from './archive.js'

/** What a page still has room for. */
export interface Room {
  /** Envelopes, 1 or more; one is the look-ahead. May be `Infinity`. */
  rows: number
  /** Bytes of envelopes, 0 or more. May be `Infinity`. */
  bytes: number
  /** Others wait. */
  brief?: boolean | undefined
}

/** A row, or in its place the mark that at least so many are there and cannot be delivered. */
export interface SourceRow extends ArchiveRow {
  damaged?: number | undefined
}

/** Matching rows in ascending order, from where the last call ended. */
export interface RowSource {
  /**
   * At least one row unless there are no more; never more than `room.rows` or a slice, and ends
   * soon after `room.bytes`. Undefined when looking has taken long and brought nothing so far: others come first, then it is asked
   * again.
   */
  next(room: Room, signal?: AbortSignal | undefined): Promise<SourceRow[] | undefined>
}

/** Tells when a piece of work that begins now has taken long enough for others to come first. */
export function pieceOfWork(): { readonly over: boolean } {
  const end = performance.now() + FIGURES.archive.piece
  return {
    get over() {
      return performance.now() > end
    }
  }
}

/** A slice handed to the consumer holds at most this many envelopes, and ends soon after so many bytes. */
export const SLICE_ROWS = 512
export const SLICE_BYTES = 512 * 1024
/** While others wait, this part of it. */
const BRIEF = 1 / 4

/** What a slice may have of a room. */
export function sliceOf({ rows, bytes, brief }: Room): Room {
  const part = brief === true ? BRIEF : 1
  return { rows: Math.min(rows, part * SLICE_ROWS), bytes: Math.min(bytes, part * SLICE_BYTES), brief }
}

/**
 * Cuts a page out of a source. Between two slices nothing of the source is open; a row more than asked for is read to
 * know whether the page has a successor.
 */
export async function* page(
  source: RowSource,
  {
    limit,
    maxBytes = Number.POSITIVE_INFINITY,
    signal,
    brief
  }: Pick<ArchiveQuery, 'limit' | 'maxBytes' | 'signal' | 'brief'>
): AsyncGenerator<ArchiveRow[], ArchiveEnd> {
  let rowsLeft = limit
  let bytesLeft = maxBytes
  let last: ArchiveRow | undefined
  let damaged = 0
  /** Behind the last row: of this page only if no other row follows. */
  let pending = 0
  for (;;) {
    signal?.throwIfAborted()
    const rows = await source.next({ rows: rowsLeft + 1, bytes: bytesLeft, brief: brief?.() }, signal)
    if (rows === undefined) {
      yield []
      continue
    }
    if (rows.length === 0) return endOf(damaged + pending)
    const taken: ArchiveRow[] = []
    let more = false
    for (const row of rows) {
      if (row.damaged !== undefined) {
        pending += row.damaged
        continue
      }
      more = rowsLeft === 0 || (last !== undefined && row.raw.length > bytesLeft)
      if (more) break
      damaged += pending
      pending = 0
      last = row
      rowsLeft--
      bytesLeft = Math.max(0, bytesLeft - row.raw.length)
      taken.push(row)
    }
    signal?.throwIfAborted()
    if (taken.length > 0) yield taken
    if (more && last !== undefined) return { ...endOf(damaged), cursor: encodeCursor(last.sent, last.hash) }
  }
}

function endOf(damaged: number): ArchiveEnd {
  return damaged > 0 ? { damaged } : {}
}
