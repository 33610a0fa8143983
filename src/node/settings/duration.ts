import { ValueError } from './value-error.js'

const UNITS: ReadonlyArray<readonly [unit: string, seconds: number]> = [
  ['w', 604_800],
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1]
]
const MAX_SECONDS = 0xffffffff
/** The longest in whole days. */
const LONGEST = '49710d'

export const DURATION = 'a duration with its unit such as 90s, 15m, 24h, 30d or 2w'

/** Whether a text is written as a duration: `24h`, `1h30m`. A number alone is none. */
export function isDuration(text: string): boolean {
  return text !== '' && /^(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?$/.test(text)
}

/**
 * Reads `30d`, `24h` or `1h30m`: each unit once, the largest first. A number without a unit is refused, since whoever writes
 * `30` may mean days. Whole seconds, 0..2^32-1, or within `range`. Throws `ValueError`.
 */
export function parseDuration(text: string, range = { min: 0, max: MAX_SECONDS }): number {
  const trimmed = text.trim()
  if (!isDuration(trimmed)) throw new ValueError(durationWithin(range), text)
  let seconds = 0
  for (const [unit, factor] of UNITS) seconds += Number(new RegExp(`(\\d+)${unit}`).exec(trimmed)?.[1] ?? 0) * factor
  if (!(seconds >= range.min && seconds <= range.max)) throw new ValueError(durationWithin(range), text)
  return seconds
}

/** `24h` or `90s`: what `parseDuration` reads. */
export function formatDuration(seconds: number): string {
  const [unit, factor] = UNITS.find(([, factor]) => seconds >= factor && seconds % factor === 0) ?? ['s', 1]
  return `${seconds / factor}${unit}`
}

/** The allowed values, for messages. */
export function durationWithin({ min, max }: { min: number; max: number }): string {
  return `${DURATION}, from ${formatDuration(min)} to ${max < MAX_SECONDS ? formatDuration(max) : LONGEST}`
}
