import type { SequencedRow, SequenceEnd, SequenceQuery } from './archive.js'
import type { Room, SourceRow } from './page.js'

/** A row, or in its place the mark of what cannot be delivered. */
export type SequencedSourceRow = SequencedRow & SourceRow

/** Matching rows in ingest order. */
export interface SequenceSource {
  /**
   * Rows with a number above `after`, no more than there is room for or a slice, and up to which number everything was looked
   * at. There may be no rows; then that number is above `after` all the same.
   */
  next(
    after: number,
    room: Room,
    signal?: AbortSignal | undefined
  ): Promise<{ rows: SequencedSourceRow[]; upTo: number }>
}

/**
 * Cuts a page out of a source, as `page` does for the order of time. Looks at nothing beyond `last`, the last sequence number that
 * was given out when the query began.
 */
export async function* sequencePage(
  source: SequenceSource,
  {
    after,
    limit,
    maxBytes = Number.POSITIVE_INFINITY,
    signal,
    brief
  }: Pick<SequenceQuery, 'after' | 'limit' | 'maxBytes' | 'signal' | 'brief'>,
  last: number
): AsyncGenerator<SequencedRow[], SequenceEnd> {
  let rowsLeft = limit
  let bytesLeft = maxBytes
  let any = false
  let at = after
  let damaged = 0
  while (at < last) {
    signal?.throwIfAborted()
    const { rows, upTo } = await source.next(at, { rows: rowsLeft + 1, bytes: bytesLeft, brief: brief?.() }, signal)
    const taken: SequencedRow[] = []
    let more: SequencedRow | undefined
    for (const row of rows) {
      if (row.seq > last) break
      if (row.damaged !== undefined) {
        damaged += row.damaged
        continue
      }
      if (rowsLeft === 0 || (any && row.raw.length > bytesLeft)) {
        more = row
        break
      }
      any = true
      rowsLeft--
      bytesLeft = Math.max(0, bytesLeft - row.raw.length)
      taken.push(row)
    }
    signal?.throwIfAborted()
    // also when there is none: others come first
    yield taken
    if (more !== undefined) return { ...endOf(damaged), seq: more.seq - 1, more: true }
    at = upTo
  }
  return { ...endOf(damaged), seq: Math.max(after, last), more: false }
}

function endOf(damaged: number): Pick<SequenceEnd, 'damaged'> {
  return damaged > 0 ? { damaged } : {}
}
