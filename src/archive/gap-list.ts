import type { Gap } from '../wire/request/coverage.js'

/** Gaps beyond this are joined with their neighbours, the nearest first. */
const MAX_KEPT = 1024
/** Gaps of the same kind that are no further apart are one, seconds. */
const TOUCHING = 1

/** Adds a gap to a list in ascending order of `from`; those of its kind that touch it become one with it. */
export function withGap(gaps: readonly Gap[], gap: Gap): Gap[] {
  let joined = gap
  const rest: Gap[] = []
  for (const other of gaps) {
    const apart = Math.max(other.from, joined.from) - Math.min(other.until, joined.until)
    if (other.kind === gap.kind && apart <= TOUCHING) joined = join(other, joined)
    else rest.push(other)
  }
  return atMost(byTime([...rest, joined]), MAX_KEPT)
}

/** At most `max` gaps that hold all the time of the given ones: the nearest neighbours are joined. */
export function atMost(gaps: readonly Gap[], max: number): Gap[] {
  const list = [...gaps]
  while (list.length > max) {
    let nearest = 1
    for (let i = 2; i < list.length; i++) if (distance(list, i) < distance(list, nearest)) nearest = i
    list.splice(nearest - 1, 2, join(list[nearest - 1] as Gap, list[nearest] as Gap))
  }
  return list
}

/** Those that touch a range, both ends inclusive. */
export function gapsWithin(gaps: readonly Gap[], lower: number, upper: number): Gap[] {
  return gaps.filter(({ from, until }) => from <= upper && until >= lower)
}

function distance(list: readonly Gap[], i: number): number {
  return (list[i] as Gap).from - (list[i - 1] as Gap).until
}

function join(a: Gap, b: Gap): Gap {
  return {
    from: Math.min(a.from, b.from),
    until: Math.max(a.until, b.until),
    // of two kinds the one that says least
    kind: Math.min(a.kind, b.kind),
    count: a.count + b.count
  }
}

function byTime(gaps: Gap[]): Gap[] {
  return gaps.sort((a, b) => a.from - b.from || a.until - b.until || a.kind - b.kind)
}
