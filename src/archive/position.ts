import { compareBytes } from '../wire/bytes.js'

/** Where an envelope lies in the order of the archive: by time, then by hash. */
export interface Position {
  sent: number
  hash: Uint8Array
}

/** Negative, zero or positive. */
export function comparePositions(a: Position, b: Position): number {
  return a.sent - b.sent || compareBytes(a.hash, b.hash)
}

/** So many places, below it, fit beside a time into one number that is exact. */
const PLACES = 2 ** 20

/** The same in their order. Numbers are sorted, and hashes compared of the same second only: of thousands that takes a fraction of the time. */
export function inOrder<T extends Position>(items: readonly T[]): T[] {
  if (items.length > PLACES) return [...items].sort(comparePositions)
  const packed = new Float64Array(items.length)
  for (let i = 0; i < items.length; i++) packed[i] = (items[i] as T).sent * PLACES + i
  packed.sort()
  const sorted: T[] = []
  for (let i = 0; i < packed.length; i++) sorted.push(items[(packed[i] as number) % PLACES] as T)
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    const { sent } = sorted[from] as T
    for (to = from + 1; to < sorted.length && (sorted[to] as T).sent === sent; ) to++
    if (to === from + 1) continue
    for (const item of sorted.slice(from, to).sort(comparePositions)) sorted[from++] = item
  }
  return sorted
}
