import type { Sample } from './samples.js'

const DAY = 86_400
/** Shorter times say nothing: LevelDB takes room and gives it back. Seconds. */
const LEAST = 600

export interface Forecast {
  /** Bytes a day, negative when there is more room each day. */
  perDay: number
  /** Until the disk is full at that pace; absent when it does not fill up. */
  days?: number | undefined
}

/** How fast the disk fills up, by how its room changed; undefined while that cannot be told. */
export function forecast(samples: readonly Sample[]): Forecast | undefined {
  const known = samples.filter(({ free }) => free > 0)
  const [first, last] = [known[0], known.at(-1)]
  if (first === undefined || last === undefined || last.at - first.at < LEAST) return undefined
  const perDay = ((first.free - last.free) / (last.at - first.at)) * DAY
  return { perDay, days: perDay > 0 ? last.free / perDay : undefined }
}
