import type { SequencedRow } from './archive.js'
import * as layout from './level-layout.js'
import { type LevelStore, readRange } from './level-store.js'
import { SLICE_BYTES, SLICE_ROWS } from './page.js'

/** Runs read at once. */
const RUNS = 64

interface Numbered extends layout.Entry {
  seq: number
}

/** Stored envelopes with a sequence number above `after`, in that order, in slices. */
export async function* sequence(
  store: LevelStore,
  after: number,
  { limit, signal }: { limit: number; signal?: AbortSignal | undefined }
): AsyncGenerator<SequencedRow[], void> {
  let left = limit
  for (;;) {
    signal?.throwIfAborted()
    const runs = await readRange(store, layout.runsFrom(after + 1), RUNS)
    if (runs.length === 0) return
    let entries: Numbered[] = []
    for (const [key, value] of runs) {
      const lastSeq = layout.readRunSeq(key)
      const run = layout.decodeRun(value)
      entries = entries.concat(run.map((entry, i) => ({ ...entry, seq: lastSeq - run.length + 1 + i })))
    }
    entries = entries.filter(({ seq }) => seq > after)
    while (entries.length > 0) {
      signal?.throwIfAborted()
      const slice = entries.splice(0, sliceLength(entries, left))
      after = (slice.at(-1) as Numbered).seq
      const rows = await fetch(store, slice)
      if (rows.length > 0) yield rows
      left -= rows.length
      if (left === 0) return
    }
  }
}

async function fetch(store: LevelStore, entries: Numbered[]): Promise<SequencedRow[]> {
  const values = await store.getMany(entries.map(layout.envelopeKey))
  return entries.flatMap(({ seq }, i) => {
    const value = values[i]
    // Pruned; or pruned and appended again, then it has a later number.
    if (value === undefined || layout.seqOf(value) !== seq) return []
    return [{ seq: BigInt(seq), raw: layout.rawOf(value) }]
  })
}

function sliceLength(entries: Numbered[], left: number): number {
  let bytes = 0
  let length = 0
  while (length < entries.length && length < Math.min(left, SLICE_ROWS) && bytes <= SLICE_BYTES)
    bytes += (entries[length++] as Numbered).size
  return length
}
