import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import type { LevelStore } from './level-store.js'
import type { LevelWriter, PruneStep } from './level-writer.js'

/** On a full disk room is made after so many steps. */
const SCARCE_STEPS = 16

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

  /** Deletes what was sent before a time, 0..2^32; yields how many envelopes that were, step by step. */
  async *prune(before: number, signal?: AbortSignal | undefined): AsyncGenerator<number, void> {
    if (before === 0) return
    const { ledger, writer, step, onRemoved } = this.#init
    const { days, lastSeq } = await step(async () => ({
      days: ledger.days(0, layout.dayOf(before - 1)),
      lastSeq: ledger.totals.lastSeq
    }))
    for (const day of days) {
      const whole = (day + 1) * layout.DAY <= before
      // A whole day goes by its index, which spares reading the envelopes.
      const range = whole ? layout.indexDay(day) : layout.envelopeRange(day * layout.DAY, before - 1)
      const remove = async (from?: Uint8Array): Promise<PruneStep> => {
        try {
          return await writer.prune(range, from)
        } finally {
          // also after a failed write: nobody knows how much of it is on disk
          onRemoved(before)
        }
      }
      yield* this.#repeat(remove, { day, signal })
      if (whole || this.#init.store.trouble !== undefined) await this.#compact(day, signal)
    }
    // Only now is nothing left of the runs of ingest order that end before that time. Those written meanwhile stay.
    for await (const _ of this.#repeat(from => writer.forgetRuns(before - 1, lastSeq, from), { signal }));
  }

  async *#repeat(
    work: (from?: Uint8Array) => Promise<PruneStep>,
    { day, signal }: { day?: number; signal: AbortSignal | undefined }
  ): AsyncGenerator<number, void> {
    const { step, store } = this.#init
    let from: Uint8Array | undefined
    for (let steps = 1; ; steps++) {
      signal?.throwIfAborted()
      const done = await step(() => work(from))
      yield done.removed
      from = done.next
      if (from === undefined) return
      // deletions take room too, until they are carried out
      if (day !== undefined && steps % SCARCE_STEPS === 0 && store.trouble !== undefined)
        await this.#compact(day, signal)
    }
  }

  async #compact(day: number, signal: AbortSignal | undefined): Promise<void> {
    for (const { gte, lt } of [layout.dayEnvelopes(day), layout.indexDay(day).bounds]) {
      signal?.throwIfAborted()
      await this.#init.store.compactRange(gte, lt)
    }
  }
}
