import { type Room, sliceOf } from '../page.js'
import type { SequencedSourceRow, SequenceSource } from '../sequence-page.js'
import type { TopicFloors } from '../topic-floors.js'
import * as layout from './level-layout.js'
import type { Numbered } from './level-posting.js'
import { readThrough } from './level-reader.js'
import type { LevelRows } from './level-rows.js'
import { runEntries } from './level-runs.js'

/** Runs read at once, at first and at most: a run is up to 44 KiB. */
const FIRST_RUNS = 4
const MOST_RUNS = 32

/** Goes through the runs of ingest order and fetches the envelopes of those entries that pass. */
export class RunSequence implements SequenceSource {
  readonly #rows: LevelRows
  readonly #accepts: (entry: layout.Entry) => boolean
  readonly #floors: () => TopicFloors
  #runs = FIRST_RUNS
  /** Entries read and not given yet, in order. */
  #entries: Numbered[] = []
  /** Up to which number `#entries` hold all that pass. */
  #read = 0
  /** Marks of what could not be read, not given yet. */
  #holes: SequencedSourceRow[] = []

  /** @param floors - what was sent before them may have been pruned */
  constructor(rows: LevelRows, accepts: (entry: layout.Entry) => boolean, floors: () => TopicFloors) {
    this.#rows = rows
    this.#accepts = accepts
    this.#floors = floors
  }

  async next(after: number, room: Room) {
    if (this.#entries.length === 0 && this.#read <= after) await this.#fill(after)
    const slice = this.#entries.splice(0, sliceLength(this.#entries, room))
    const upTo = this.#entries.length === 0 ? this.#read : (slice.at(-1) as Numbered).seq
    const rows = await this.#rows.numbered(slice, this.#floors)
    return { rows: [...this.#holes.splice(0), ...rows], upTo }
  }

  async #fill(after: number): Promise<void> {
    const { entries: runs, hole } = await readThrough(this.#rows.store, layout.runsFrom(after + 1), this.#runs)
    this.#runs = Math.min(MOST_RUNS, this.#runs * 2)
    const entries: Numbered[] = []
    let unreadable = hole ? 1 : 0
    for (const [key, value] of runs) {
      if (!layout.isWhole(key)) {
        unreadable++
        continue
      }
      const lastSeq = layout.readRunSeq(key)
      const bytes = runEntries(lastSeq, value)
      const run = bytes && layout.decodeRun(bytes)
      if (run === undefined) unreadable++
      run?.forEach((entry, i) => {
        const seq = lastSeq - run.length + 1 + i
        if (seq > after && !layout.isDropped(entry) && this.#accepts(entry)) entries.push({ ...entry, seq })
      })
      this.#read = lastSeq
    }
    if (runs.length === 0) this.#read = Number.POSITIVE_INFINITY
    this.#entries = entries
    if (unreadable > 0) this.#holes.push({ seq: after + 1, ...this.#rows.disorder(after, unreadable) })
  }
}

function sliceLength(entries: readonly Numbered[], room: Room): number {
  const slice = sliceOf(room)
  let { bytes } = slice
  let length = 0
  while (length < entries.length && length < slice.rows && bytes >= 0) bytes -= (entries[length++] as Numbered).size
  return length
}
