import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import type { LevelStore } from './level-store.js'
import type { LevelWriter, PruneStep } from './level-writer.js'

export interface PrunerInit {
  store: LevelStore
  ledger: Ledger
  writer: LevelWriter
  /** Runs a step between appends. */
  step<T>(task: () => Promise<T>): Promise<T>
  /** Told, before the next append gets its turn, that envelopes sent before a time are or may be deleted. */
  onRemoved(before: number): void
}

/** Deletes old envelopes in small steps, so that appends wait for one step at most. */
export class Pruner {
  readonly #init: PrunerInit

  constructor(init: PrunerInit) {
    this.#init = init
  }

  /** Deletes what was sent before a time, 0..2^32; resolves with how many envelopes that were. */
  async prune(before: number, signal?: AbortSignal | undefined): Promise<number> {
    if (before === 0) return 0
    const { store, ledger, writer, step, onRemoved } = this.#init
    const { days, lastSeq } = await step(async () => ({
      days: ledger.days(0, layout.dayOf(before - 1)),
      lastSeq: ledger.totals.lastSeq
    }))
    const dropped = days.filter(day => (day + 1) * layout.DAY <= before)
    let removed = 0
    for (const day of days) {
      // A whole day goes by its index, which spares reading the envelopes.
      const range = dropped.includes(day) ? layout.indexDay(day) : layout.envelopeRange(day * layout.DAY, before - 1)
      const remove = async (from?: Uint8Array): Promise<PruneStep> => {
        try {
          return await writer.prune(range, from)
        } finally {
          // also after a failed write: nobody knows how much of it is on disk
          onRemoved(before)
        }
      }
      removed += await this.#repeat(remove, signal)
    }
    // Only now is nothing left of the runs of ingest order that end before that time. Those written meanwhile stay.
    await this.#repeat(from => writer.forgetRuns(before - 1, lastSeq, from), signal)
    for (const day of dropped) {
      signal?.throwIfAborted()
      for (const { gte, lt } of [layout.dayEnvelopes(day), layout.indexDay(day).bounds])
        await store.compactRange(gte, lt)
    }
    return removed
  }

  async #repeat(work: (from?: Uint8Array) => Promise<PruneStep>, signal: AbortSignal | undefined): Promise<number> {
    let removed = 0
    let from: Uint8Array | undefined
    for (;;) {
      signal?.throwIfAborted()
      const done = await this.#init.step(() => work(from))
      removed += done.removed
      from = done.next
      if (from === undefined) return removed
    }
  }
}
