import { parseDuration } from './duration.js'
import { ValueError } from './value-error.js'

export const MOMENT = 'now, a duration back such as 24h, Unix seconds, or ISO 8601 such as 2026-01-31T12:00:00Z'

/**
 * Reads a moment as Unix seconds, 0..2^32-1. A plain number is Unix seconds; with a unit it is that long
 * before `now` (Unix seconds). An ISO time without a zone is UTC. Throws `ValueError`.
 */
export function parseMoment(text: string, now: number): number {
  const trimmed = text.trim()
  if (trimmed === 'now') return now
  if (/^\d+$/.test(trimmed)) {
    const seconds = Number(trimmed)
    if (seconds > 0xffffffff) throw new ValueError(MOMENT, text)
    return seconds
  }
  if (/^(?:\d+[smhdw])+$/.test(trimmed)) return Math.max(0, now - parseDuration(trimmed))
  const iso = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.exec(trimmed)
  const seconds = iso === null ? Number.NaN : Math.floor(Date.parse(withZone(trimmed, iso[1])) / 1000)
  if (!(seconds >= 0 && seconds <= 0xffffffff)) throw new ValueError(MOMENT, text)
  return seconds
}

/** `Date.parse` takes a time without a zone as local time. */
function withZone(text: string, zone: string | undefined): string {
  const iso = text.replace(' ', 'T')
  return iso.includes('T') && zone === undefined ? `${iso}Z` : iso
}
