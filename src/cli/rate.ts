/** `41,200/s, 12 min left`. */
export function formatRate(envelopes: number, seconds: number, remaining: number | undefined): string {
  const rate = seconds > 0 ? `${Math.round(envelopes / seconds).toLocaleString('en')}/s` : ''
  return remaining === undefined ? rate : `${rate}, ${formatSpan(remaining)} left`
}

/** `45 s`, `12 min`, `3.5 h`. */
export function formatSpan(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`
  if (seconds < 6000) return `${Math.ceil(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

const WIDTH = 24

/** `[######------------------]  25 %`. */
export function bar(done: number): string {
  const full = Math.round(Math.min(1, done) * WIDTH)
  return `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${`${Math.floor(Math.min(1, done) * 100)}`.padStart(3)} %`
}
