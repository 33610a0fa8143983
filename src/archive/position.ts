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
