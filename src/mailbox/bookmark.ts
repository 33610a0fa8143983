import { isUint32 } from '../wire/bytes.js'
import { type Gap, MAX_GAPS } from '../wire/request/coverage.js'

/** What a reader remembers of one server: where it stopped there, and what the server said that it lacks. */
export interface Bookmark {
  /** Where the server's ingest order was left, as `HistoryPage.cursor` has it. */
  cursor?: string | undefined
  /** When everything there had been read, Unix seconds. */
  readAt?: number | undefined
  /** Gaps that were told of already. */
  gaps: Gap[]
  /** The oldest time that was ever asked for here, Unix seconds. */
  from?: number | undefined
}

export const emptyBookmark = (): Bookmark => ({ gaps: [] })

export function encodeBookmark(bookmark: Bookmark): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(bookmark))
}

/** What cannot be read is left out: then more is asked for than was needed. */
export function decodeBookmark(bytes: Uint8Array): Bookmark {
  const bookmark = emptyBookmark()
  let read: unknown
  try {
    read = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return bookmark
  }
  if (read === null || typeof read !== 'object') return bookmark
  const { cursor, readAt, gaps, from } = read as Record<string, unknown>
  if (isTime(from)) bookmark.from = from
  if (typeof cursor === 'string' && bookmark.from !== undefined) bookmark.cursor = cursor
  if (isTime(readAt)) bookmark.readAt = readAt
  if (Array.isArray(gaps)) bookmark.gaps = gaps.filter(isGap).slice(0, MAX_GAPS)
  return bookmark
}

const isTime = (value: unknown): value is number => typeof value === 'number' && isUint32(value)

function isGap(value: unknown): value is Gap {
  if (value === null || typeof value !== 'object') return false
  const { from, until, kind, count } = value as Record<string, unknown>
  return isTime(from) && isTime(until) && isTime(kind) && Number.isSafeInteger(count)
}
