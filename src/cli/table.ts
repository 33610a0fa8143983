import { printable } from './output.js'

/** Rows with a heading, in columns. */
export function table(heading: string[], rows: string[][]): string {
  const all = [heading, ...rows.map(row => row.map(printable))]
  const widths = heading.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)))
  return all
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}

/** `2026-01-31 12:00:00`, UTC. */
export function formatMoment(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')
}
