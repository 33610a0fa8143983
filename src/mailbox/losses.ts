import { type Coverage, type Gap, GapKind } from '../wire/request/coverage.js'
import type { Bookmark } from './bookmark.js'
import type { Missing, MissingReason } from './items.js'

const REASONS: Record<number, MissingReason> = {
  [GapKind.down]: 'down',
  [GapKind.unstored]: 'unstored',
  [GapKind.damaged]: 'damaged',
  [GapKind.unarchived]: 'unarchived'
}

/**
 * What a server says that it lacks of what was sent since a time, and that was not told of before.
 *
 * @param range Unix seconds; `whole` when all of it is wanted, also what is older than the server has anything of
 */
export function lossesOf(
  { since, oldest, gaps }: Coverage,
  { from, now, whole }: { from: number; now: number; whole: boolean },
  { readAt, gaps: told }: Pick<Bookmark, 'readAt' | 'gaps'>
): Missing[] {
  const losses: Missing[] = []
  // what was there when all of it was read cannot have been pruned unread; a clock that stood ahead then tells nothing
  const unread = readAt !== undefined && readAt <= now ? Math.max(from, readAt) : from
  const fresh = readAt === undefined && !whole
  // whose clock is ahead, or who lies, may say so of times that are still to come
  const end = Math.max(now, from)
  if (oldest > unread && !fresh) losses.push({ why: 'pruned', from: unread, until: Math.min(oldest - 1, end) })
  if (since > from && readAt === undefined && !fresh)
    losses.push({ why: 'not-begun', from, until: Math.min(since - 1, end) })
  for (const gap of gaps) {
    const begins = Math.max(gap.from, from)
    // one that goes on reaches as far as was asked for
    const ends = Math.min(gap.until, end)
    if (begins > ends || isTold(gap, told)) continue
    const loss: Missing = { why: REASONS[gap.kind] ?? 'other', from: begins, until: ends }
    if (gap.count > 0) loss.count = gap.count
    losses.push(loss)
  }
  return losses
}

function isTold(gap: Gap, told: readonly Gap[]): boolean {
  // whose topics are not kept loses them anew all the time
  if (gap.kind === GapKind.unarchived) return false
  return told.some(
    ({ from, until, kind, count }) => kind === gap.kind && from <= gap.from && until >= gap.until && count >= gap.count
  )
}

/** What is lost at both of two servers: the times, with the reasons of the first. */
export function lostAtBoth(a: readonly Missing[], b: readonly Missing[]): Missing[] {
  return a.flatMap(one =>
    joined(b).flatMap(other => {
      const from = Math.max(one.from, other.from)
      const until = Math.min(one.until, other.until)
      return from > until ? [] : [{ ...one, from, until }]
    })
  )
}

/** Times without overlaps. */
function joined(losses: readonly Missing[]): Array<Pick<Missing, 'from' | 'until'>> {
  const result: Array<Pick<Missing, 'from' | 'until'>> = []
  for (const { from, until } of [...losses].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1)
    if (last !== undefined && from <= last.until + 1) last.until = Math.max(last.until, until)
    else result.push({ from, until })
  }
  return result
}

/** Who was not there, or could not store, never had it: what somebody had himself that does not explain. */
const NEVER_HAD: ReadonlySet<MissingReason> = new Set(['down', 'unstored', 'not-begun'])

/**
 * The reason, among what a server lacks, that explains that it has not what was sent at a time.
 *
 * @param had - whether it had it by its own word
 */
export function explaining(losses: readonly Missing[], sent: number, had: boolean): MissingReason | undefined {
  return losses.find(({ why, from, until }) => sent >= from && sent <= until && !(had && NEVER_HAD.has(why)))?.why
}
