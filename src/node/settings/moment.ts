import { isDuration, parseDuration } from './duration.js'
import { ValueError } from './value-error.js'

export const MOMENT = 'now, a duration back such as 24h, Unix seconds, or ISO 8601 such as 2026-01-31T12:00:00Z'

/** A moment as it was written. */
export interface Moment {
  /** Unix seconds, 0..2^32-1. */
  readonly seconds: number
  /** It was said from now, so that the same words mean another moment later. */
  readonly relative: boolean
}

const MAX_SECONDS = 0xffffffff
/** March 1973. Whoever writes a smaller number hardly means a time before, but a duration. */
const MIN_NUMBER = 100_000_000

/**
 * Reads a moment. A plain number is Unix seconds: 0, or at least 100000000; with a unit it is that long before `now` (Unix
 * seconds). An ISO time without a zone is UTC. Throws `ValueError`.
 */
export function readMoment(text: string, now: number): Moment {
  const trimmed = text.trim()
  if (trimmed === 'now') return { seconds: now, relative: true }
  if (isDuration(trimmed)) return { seconds: Math.max(0, now - parseDuration(trimmed)), relative: true }
  const seconds = /^\d+$/.test(trimmed) ? fromNumber(trimmed) : fromIso(trimmed)
  if (!(seconds >= 0 && seconds <= MAX_SECONDS)) throw new ValueError(MOMENT, text)
  return { seconds, relative: false }
}

/** The same as Unix seconds. Throws `ValueError`. */
export function parseMoment(text: string, now: number): number {
  return readMoment(text, now).seconds
}

function fromNumber(text: string): number {
  const seconds = Number(text)
  return seconds === 0 || seconds >= MIN_NUMBER ? seconds : Number.NaN
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:Z|([+-])(\d\d):?(\d\d))?)?$/

/** NaN when it is none, or names a day or an hour that does not exist: `Date.parse` makes 2 March of 30 February. */
function fromIso(text: string): number {
  const match = ISO.exec(text)
  if (match === null) return Number.NaN
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map(digits => Number(digits ?? 0))
  const [zoneHour, zoneMinute] = [Number(match[8] ?? 0), Number(match[9] ?? 0)]
  const date = new Date(Date.UTC(year, month - 1, day))
  const exists = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  if (!exists || hour > 23 || minute > 59 || second > 59 || zoneHour > 23 || zoneMinute > 59) return Number.NaN
  const offset = (zoneHour * 3600 + zoneMinute * 60) * (match[7] === '-' ? -1 : 1)
  return date.getTime() / 1000 + hour * 3600 + minute * 60 + second - offset
}
