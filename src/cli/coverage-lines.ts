import { type Coverage, type Gap, GapKind } from '../index.js'

const REASONS: Record<number, string> = {
  [GapKind.down]: 'the server did not run',
  [GapKind.unstored]: 'the server could not store',
  [GapKind.damaged]: 'stored, and lost or unreadable',
  [GapKind.unarchived]: 'topics that the server does not archive'
}

/** What a server says of what may be missing, a line each; none when nothing is between `from` (Unix seconds) and now. */
export function coverageLines({ since, oldest, gaps }: Omit<Coverage, 'sequence'>, from: number): string[] {
  return [
    ...(since > from ? [`this server archives since ${time(since)}`] : []),
    ...(oldest > from ? [`what was sent before ${time(oldest)} may have been deleted there`] : []),
    ...gaps.map(gapLine)
  ]
}

function gapLine({ from, until, kind, count }: Gap): string {
  const many = count === 0 ? '' : ` (${count})`
  return `may be missing from ${time(from)} until ${time(until)}: ${REASONS[kind] ?? 'the server says so'}${many}`
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
