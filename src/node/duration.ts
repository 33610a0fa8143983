import { ValueError } from './value-error.js'

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

export const DURATION = 'a duration such as 90s, 15m, 24h, 30d or 2w, or a number of seconds'

/** Reads `30d`, `24h`, `1h30m` or plain seconds. Whole seconds, 0..2^32-1. Throws `ValueError`. */
export function parseDuration(text: string): number {
  const trimmed = text.trim()
  let seconds: number
  if (/^\d+$/.test(trimmed)) {
    seconds = Number(trimmed)
  } else {
    if (!/^(?:\d+[smhdw])+$/.test(trimmed)) throw new ValueError(DURATION, text)
    seconds = 0
    for (const [, count, unit] of trimmed.matchAll(/(\d+)([smhdw])/g)) {
      seconds += Number(count) * (SECONDS[unit ?? ''] ?? 0)
    }
  }
  if (seconds > 0xffffffff) throw new ValueError(`${DURATION}, at most 4294967295 seconds`, text)
  return seconds
}
