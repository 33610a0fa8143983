import type { ArchiveRow } from './archive.js'
import * as layout from './level-layout.js'
import { closeIterator, entryBytes, type LevelRange, type LevelStore } from './level-store.js'
import { type Room, type RowSource, SLICE_BYTES, SLICE_ROWS } from './page.js'
import type { Position } from './position.js'

/** What a scan covers: lower <= sent <= upper, strictly after `after`. */
export interface Span {
  lower: number
  upper: number
  after?: Position | undefined
}

export interface ScanFilter {
  accepts(topic: number): boolean
  /** Roughly the share of envelopes that pass, 0..1: with what is seen on the way it decides how many are read at once. */
  share: number
}

/** Envelopes read under one snapshot while none of them passes. */
const MAX_VISITED = 16_384
/** How many envelopes the first guess of the share counts for. */
const GUESS = 50
const MIN_READ = 16
const MAX_READ = 1000

/** The envelopes of a span in the table by time. */
export function spanRange({ lower, upper, after }: Span): LevelRange {
  const { gte, lt } = layout.envelopeRange(lower, upper).bounds
  return { gte: after === undefined ? gte : layout.afterEnvelope(after.sent, after.hash), lt }
}

/** Reads the envelopes by time and leaves out those that do not pass. */
export class Scan implements RowSource {
  readonly #store: LevelStore
  readonly #filter: ScanFilter
  #visited = GUESS
  #passed: number
  #range: LevelRange

  constructor(store: LevelStore, span: Span, filter: ScanFilter) {
    this.#store = store
    this.#filter = filter
    this.#passed = GUESS * filter.share
    this.#range = spanRange(span)
  }

  async next(room: Room, signal?: AbortSignal | undefined): Promise<ArchiveRow[]> {
    const wanted = Math.min(room.rows, SLICE_ROWS)
    const bytes = Math.min(room.bytes, SLICE_BYTES)
    for (;;) {
      signal?.throwIfAborted()
      const { rows, over } = await this.#read(wanted, bytes)
      if (rows.length > 0 || over) return rows
    }
  }

  /** One snapshot's work: until there are enough rows or bytes, or too much was visited for nothing. */
  async #read(wanted: number, bytes: number): Promise<{ rows: ArchiveRow[]; over: boolean }> {
    const rows: ArchiveRow[] = []
    let size = 0
    let visited = 0
    let read = 0
    const iterator = this.#store.iterator({ ...this.#range, highWaterMarkBytes: bytes })
    try {
      while (rows.length < wanted && size <= bytes && visited < MAX_VISITED) {
        const entries = await iterator.nextv(this.#batch(wanted - rows.length))
        if (entries.length === 0) return { rows, over: true }
        visited += entries.length
        const found = rows.length
        let last: Uint8Array | undefined
        read = 0
        for (const entry of entries) {
          const [key, value] = entry
          read += entryBytes(entry)
          if (rows.length === wanted) break
          last = key
          if (!this.#filter.accepts(layout.envelopeTopic(key))) continue
          rows.push(new StoredRow(key, value))
          size += entryBytes(entry)
        }
        if (last !== undefined) this.#range = { gt: last, lt: this.#range.lt }
        this.#visited += entries.length
        this.#passed += rows.length - found
      }
      return { rows, over: false }
    } finally {
      await closeIterator(iterator, this.#range, read)
    }
  }

  #batch(missing: number): number {
    return Math.min(MAX_READ, Math.max(MIN_READ, Math.ceil((missing * this.#visited) / this.#passed)))
  }
}

/** Most rows are only asked for their bytes. */
class StoredRow implements ArchiveRow {
  readonly raw: Uint8Array
  private readonly key: Uint8Array

  constructor(key: Uint8Array, value: Uint8Array) {
    this.raw = layout.rawOf(value)
    this.key = key
  }

  get sent(): number {
    return layout.envelopeSent(this.key)
  }

  get hash(): Uint8Array {
    return layout.envelopeHash(this.key)
  }
}
