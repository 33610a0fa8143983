import { fromHex } from '../wire/bytes.js'
import { decodeCursor } from '../wire/request/cursor.js'
import type { Dialect } from '../wire/request/history-request.js'
import type { BackfillRecord } from './backfill-record.js'

/** One walk through the history of a server; both times are Unix seconds, inclusive. */
export interface BackfillLeg {
  from: number
  to: number
  cursor?: string | undefined
  /** What the record says while this leg is under way. */
  record: BackfillRecord
}

/** What is to be fetched; both times are Unix seconds, inclusive. */
export interface BackfillRange {
  from: number
  to: number
  dialect?: Dialect | undefined
}

/**
 * What is left to fetch of a range: behind the cursor where an earlier run stopped, then what came since. A range that
 * begins earlier, ends earlier, or begins behind the cursor is fetched from its beginning, and so is one that is asked for
 * in another dialect: servers read the cursor of one as another place in the other.
 */
export function planBackfill(range: BackfillRange, earlier: BackfillRecord | undefined): BackfillLeg[] {
  const { from, to, dialect } = range
  const form = dialect === undefined ? {} : { dialect }
  const whole = [{ from, to, record: { from, to, ...form } }]
  if (earlier === undefined || earlier.from > from || earlier.to > to || earlier.to < from) return whole
  if (earlier.dialect !== dialect) return whole
  const { covered, cursor } = earlier
  const begin = Math.max(from, covered ?? earlier.from)
  const at = cursor === undefined ? undefined : sentOf(cursor)
  if (cursor !== undefined && (at === undefined || at < begin || at > earlier.to)) return whole
  if (cursor === undefined && covered === undefined) return whole
  const rest: BackfillLeg = {
    from: begin,
    to: earlier.to,
    cursor,
    record: { from, to: earlier.to, covered, cursor, ...form }
  }
  if (earlier.to === to) return [rest]
  return [rest, { from: earlier.to, to, record: { from, to, covered: earlier.to, ...form } }]
}

/** The time in a cursor `<server>/<36 bytes in hex>`. */
function sentOf(cursor: string): number | undefined {
  try {
    return decodeCursor(fromHex(cursor.split('/')[1] ?? '')).sent
  } catch {
    return undefined
  }
}
