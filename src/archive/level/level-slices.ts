import { type Room, SLICE_BYTES, SLICE_ROWS, type SourceRow, sliceOf } from '../page.js'

/** Slices read at once, unless others wait: most pages have a thousand envelopes, and each read opens and closes what it reads with. */
const AT_ONCE = 2

/** How much to read at once for a page. */
export function roomToRead(room: Room): Room {
  const { rows, bytes, brief } = room
  if (brief === true) return sliceOf(room)
  return { rows: Math.min(rows, AT_ONCE * SLICE_ROWS), bytes: Math.min(bytes, AT_ONCE * SLICE_BYTES) }
}

/** What was read at once and is handed out slice by slice. */
export class Slices {
  #rows: SourceRow[] = []

  get isEmpty(): boolean {
    return this.#rows.length === 0
  }

  /** To be called when it is empty. */
  put(rows: SourceRow[]): void {
    this.#rows = rows
  }

  /** The next slice; none when it is empty. */
  take(room: Room): SourceRow[] {
    const most = sliceOf(room)
    let count = 0
    for (let bytes = 0; count < Math.min(this.#rows.length, most.rows) && bytes <= most.bytes; count++)
      bytes += (this.#rows[count] as SourceRow).raw.length
    const slice = this.#rows.slice(0, count)
    this.#rows = this.#rows.slice(count)
    return slice
  }
}
