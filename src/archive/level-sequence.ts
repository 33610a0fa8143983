import * as layout from './level-layout.js'
import { type LevelStore, readRange } from './level-store.js'
import { type Room, SLICE_BYTES, SLICE_ROWS } from './page.js'
import type { SequenceSource } from './sequence-page.js'

/** Runs read at once, at first and at most: a run is up to 44 KiB. */
const FIRST_RUNS = 4
const MOST_RUNS = 32

interface Numbered extends layout.Entry {
  seq: number
}

/** Goes through the runs of ingest order and fetches the envelopes of those entries that pass. */
export class RunSequence implements SequenceSource {
  readonly #store: LevelStore
  readonly #accepts: (entry: layout.Entry) => boolean
  #runs = FIRST_RUNS
  /** Entries read and not given yet, in order. */
  #entries: Numbered[] = []
  /** Up to which number `#entries` hold all that pass. */
  #read = 0

  constructor(store: LevelStore, accepts: (entry: layout.Entry) => boolean) {
    this.#store = store
    this.#accepts = accepts
  }

  async next(after: number, room: Room) {
    if (this.#entries.length === 0 && this.#read <= after) await this.#fill(after)
    const slice = this.#entries.splice(0, sliceLength(this.#entries, room))
    const upTo = this.#entries.length === 0 ? this.#read : (slice.at(-1) as Numbered).seq
    const values = await this.#store.getMany(slice.map(layout.envelopeKey))
    const rows = slice.flatMap(({ seq, sent, hash }, i) => {
      const value = values[i]
      // Pruned; or pruned and appended again, then it has a later number.
      if (value === undefined || layout.seqOf(value) !== seq) return []
      return [{ seq, sent, hash, raw: layout.rawOf(value) }]
    })
    return { rows, upTo }
  }

  async #fill(after: number): Promise<void> {
    const runs = await readRange(this.#store, layout.runsFrom(after + 1), this.#runs)
    this.#runs = Math.min(MOST_RUNS, this.#runs * 2)
    const entries: Numbered[] = []
    for (const [key, value] of runs) {
      const lastSeq = layout.readRunSeq(key)
      const run = layout.decodeRun(value)
      run.forEach((entry, i) => {
        const seq = lastSeq - run.length + 1 + i
        if (seq > after && this.#accepts(entry)) entries.push({ ...entry, seq })
      })
      this.#read = lastSeq
    }
    if (runs.length === 0) this.#read = Number.POSITIVE_INFINITY
    this.#entries = entries
  }
}

function sliceLength(entries: readonly Numbered[], room: Room): number {
  let bytes = Math.min(room.bytes, SLICE_BYTES)
  let length = 0
  while (length < entries.length && length < Math.min(room.rows, SLICE_ROWS) && bytes >= 0)
    bytes -= (entries[length++] as Numbered).size
  return length
}
