import type { CheckedTrim } from '../checked-query.js'
import { type LevelStore, readAll, readRange } from '../database/level-store.js'
import type { TopicChoice, TopicFloors } from '../topic-floors.js'
import { newestOfBlock } from './level-block-span.js'
import type { Blocks } from './level-blocks.js'
import { DayPart } from './level-day-part.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import type { PostedParts } from './level-posted-entries.js'
import { type LevelWriter, PRUNE_STEP, type PruneStep } from './level-writer.js'

/** On a full disk room is made after so many steps. */
const SCARCE_STEPS = 16
/** Deleted envelopes of whole days whose room is asked back before the next day goes. */
const MANY_EMPTIED = 16_384
/** Forgotten runs whose room is asked back at once. */
const WORTH_COMPACTING = 64

export interface PrunerInit {
  store: LevelStore
  ledger: Ledger
  blocks: Blocks
  writer: LevelWriter
  /** Runs a step between appends. */
  step<T>(task: () => Promise<T>): Promise<T>
  /** Told, before the next append gets its turn, that envelopes sent before a time are or may be deleted. */
  onRemoved(before: number): void
  /** Told, in a step, of what is going to be deleted. */
  raiseFloor(before: number, choice: TopicChoice): Promise<void>
  floors(): TopicFloors
  /** Where it is found what there is of topics. */
  posted(): PostedParts
}

/** Deletes old envelopes in small steps, so that appends wait for one step at most. */
export class Pruner {
  readonly #init: PrunerInit

  constructor(init: PrunerInit) {
    this.#init = init
  }

  /** Yields what each step deleted; returns up to which time everything that is meant is gone. */
  async *trim(trim: CheckedTrim, signal?: AbortSignal | undefined): AsyncGenerator<PruneStep, number> {
    const { before } = trim
    if (before === 0) return before
    const { ledger, store, step, raiseFloor, floors, posted } = this.#init
    const raise = (time: number) => step(() => raiseFloor(time, trim))
    const was = Math.min(...(trim.topics?.map(topic => floors().of(topic)) ?? [floors().general]))
    if (!trim.counted) await raise(before)
    const { days, lastSeq } = await step(async () => ({
      days: ledger.days(0, layout.dayOf(before - 1)),
      lastSeq: ledger.totals.lastSeq
    }))
    const room = { most: trim.most, envelopes: trim.envelopes, bytes: trim.bytes, first: true }
    const emptied = new Emptied(range => this.#compact(range, signal))
    let reached = before
    for (const day of days) {
      const all = await DayPart.of(posted(), day, before, trim)
      if (all.count === 0) continue
      const end = trim.counted ? await all.cut(store, room, signal) : all.end
      if (trim.counted) await raise(end)
      for await (const done of this.#remove(all.until(end), signal)) {
        room.most -= done.removed
        room.envelopes -= done.removed
        room.bytes -= done.bytes
        if (done.removed > 0) room.first = false
        yield done
      }
      if (end < all.end) {
        reached = end
        break
      }
      if (all.whole) await emptied.add(day, all.count)
    }
    if (trim.counted && reached === before) await raise(before)
    // a day that went little by little, and of which nothing was left to go
    const begun = layout.dayOf(was)
    if (was > 0 && (begun + 1) * layout.DAY <= reached) await emptied.add(begun, 0)
    await emptied.end()
    const sure = trim.topics === undefined && trim.except === undefined
    if (trim.topics === undefined) await this.#forget(reached, lastSeq, sure, signal)
    await this.#forgetBlocks(reached, lastSeq, trim, signal)
    return reached
  }

  async *#remove(part: DayPart, signal: AbortSignal | undefined): AsyncGenerator<PruneStep, void> {
    const { writer, onRemoved } = this.#init
    const { entries, range, accepts } = part
    let dropped = 0
    const remove = async (from?: Uint8Array): Promise<PruneStep> => {
      try {
        if (entries === undefined) return await writer.prune(range, from, accepts)
        const some = entries.slice(dropped, dropped + PRUNE_STEP)
        dropped += some.length
        const last = dropped < entries.length ? some.at(-1) : undefined
        return { ...(await writer.drop(some)), next: last && layout.envelopeKey(last) }
      } finally {
        // also after a failed write: nobody knows how much of it is on disk
        onRemoved(part.end)
      }
    }
    yield* this.#repeat(remove, { day: part.day, signal })
    if (this.#init.store.trouble !== undefined) await this.#compact([part.day, part.day], signal)
  }

  /** Runs of ingest order of which nothing is left. Those written meanwhile stay. */
  async #forget(reached: number, lastSeq: number, emptied: boolean, signal: AbortSignal | undefined): Promise<void> {
    const { writer, store, floors } = this.#init
    const newest = (emptied ? reached : Math.min(reached, floors().lowest)) - 1
    if (newest < 0) return
    let forgotten = 0
    const forget = (from?: Uint8Array) => writer.forgetRuns(newest, lastSeq, emptied, from)
    for await (const { removed } of this.#repeat(forget, { signal })) forgotten += removed
    if (forgotten < WORTH_COMPACTING) return
    const { gte, lt } = layout.runsFrom(0)
    const [oldest] = await readRange(store, { gte, lt }, 1)
    await store.compactRange(gte, oldest?.[0] ?? lt)
  }

  /** Finished blocks of ingest order of which nothing is left, wholly or of a topic. */
  async #forgetBlocks(
    reached: number,
    lastSeq: number,
    { topics, except }: TopicChoice,
    signal: AbortSignal | undefined
  ): Promise<void> {
    const { writer, store, blocks, floors } = this.#init
    const highest = topics === undefined ? floors().general : floors().highest(topics)
    const forgotten: number[] = []
    for await (const [key, value] of readAll(store, layout.allBlocks())) {
      if (!layout.isWhole(key)) continue
      const block = layout.readBlock(key)
      const newest = newestOfBlock(block, value)
      // it would be taken for older than it is, and what names its envelopes go with them still there: a repair comes first
      if (newest === undefined) continue
      const emptied = topics === undefined && except === undefined && newest < reached
      if (blocks.before(block + 1) > lastSeq || !(emptied || newest < highest)) continue
      let postings = 0
      const forget = (from?: Uint8Array) => writer.forgetPostings(block, { floors: floors(), topics, emptied }, from)
      for await (const { removed } of this.#repeat(forget, { signal })) postings += removed
      if (postings >= WORTH_COMPACTING) forgotten.push(block)
    }
    const [first, last] = [forgotten[0], forgotten.at(-1)]
    if (first !== undefined && last !== undefined)
      await store.compactRange(layout.blockPostings(first).gte, layout.blockPostings(last).lt)
  }

  async *#repeat(
    work: (from?: Uint8Array) => Promise<PruneStep>,
    { day, signal }: { day?: number; signal: AbortSignal | undefined }
  ): AsyncGenerator<PruneStep, void> {
    const { step, store } = this.#init
    let from: Uint8Array | undefined
    for (let steps = 1; ; steps++) {
      signal?.throwIfAborted()
      const done = await step(() => work(from))
      yield done
      from = done.next
      if (from === undefined) return
      // deletions take room too, until they are carried out
      if (day !== undefined && steps % SCARCE_STEPS === 0 && store.trouble !== undefined)
        await this.#compact([day, day], signal)
    }
  }

  async #compact([first, last]: [number, number], signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    await this.#init.store.compactRange(layout.dayEnvelopes(first).gte, layout.dayEnvelopes(last).lt)
  }
}

/** Days that are gone, or a topic of them, and whose room is to be asked back: each time it is much, and at the end. */
class Emptied {
  readonly #compact: (range: [number, number]) => Promise<void>
  #range: [number, number] | undefined
  #envelopes = 0

  constructor(compact: (range: [number, number]) => Promise<void>) {
    this.#compact = compact
  }

  async add(day: number, envelopes: number): Promise<void> {
    const [first, last] = this.#range ?? [day, day]
    this.#range = [Math.min(first, day), Math.max(last, day)]
    this.#envelopes += envelopes
    if (this.#envelopes >= MANY_EMPTIED) await this.end()
  }

  async end(): Promise<void> {
    const range = this.#range
    this.#range = undefined
    this.#envelopes = 0
    if (range !== undefined) await this.#compact(range)
  }
}
