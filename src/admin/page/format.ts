/** How numbers and times read on the page, in the words of the reader's own locale. */
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 })
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', timeZone: 'UTC' })

export const count = (value: number | undefined): string => (value === undefined ? '–' : whole.format(value))
export const compact = (value: number | null): string => (value === null ? '–' : short.format(value))
export const dayOf = (seconds: number): string => day.format(seconds * 1000)
export const momentOf = (seconds: number | undefined): string =>
  seconds === undefined ? '–' : moment.format(seconds * 1000)

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  let [left, unit] = [value, 0]
  for (; left >= 1024 && unit < UNITS.length - 1; unit++) left /= 1024
  return `${left < 10 && unit > 0 ? left.toFixed(1) : whole.format(left)} ${UNITS[unit]}`
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  return value < 1 ? `${(value * 1000).toFixed(value < 0.01 ? 1 : 0)} ms` : `${value.toFixed(1)} s`
}

/** `3 days`, `5 min`. */
export function span(value: number | undefined): string {
  if (value === undefined) return '–'
  if (value < 90) return `${Math.round(value)} s`
  if (value < 5400) return `${Math.round(value / 60)} min`
  if (value < 129_600) return `${Math.round(value / 3600)} h`
  return `${Math.round(value / 86_400)} days`
}
