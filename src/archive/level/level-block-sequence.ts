import { type Room, sliceOf } from '../page.js'
import type { SequencedSourceRow, SequenceSource } from '../sequence-page.js'
import type { TopicFloors } from '../topic-floors.js'
import type { Blocks } from './level-blocks.js'
import type { Entry } from './level-layout.js'
import type { PostedBlock } from './level-posted-block.js'
import type { LevelRows } from './level-rows.js'
import { RunSequence } from './level-sequence.js'

/** More topics than this are looked for in the whole block. */
const MAX_TOPICS = 1024

/** What is asked for in ingest order. */
export interface SequenceFilter {
  /** These topics; absent: any that are accepted. */
  topics?: readonly number[] | undefined
  accepts: (entry: Entry) => boolean
  /** What was sent before them may have been pruned. */
  floors: () => TopicFloors
}

/** The order of ingest: out of the postings of finished blocks, and from memory beyond them. */
export class BlockSequence implements SequenceSource {
  readonly #rows: LevelRows
  readonly #blocks: Blocks
  readonly #filter: SequenceFilter
  readonly #topics: readonly number[] | undefined
  #current: { block: number; posted: PostedBlock } | undefined
  #runs: RunSequence | undefined

  constructor(rows: LevelRows, blocks: Blocks, filter: SequenceFilter) {
    this.#rows = rows
    this.#blocks = blocks
    this.#filter = filter
    this.#topics = filter.topics !== undefined && filter.topics.length > MAX_TOPICS ? undefined : filter.topics
  }

  async next(after: number, room: Room) {
    if (after < this.#blocks.end) return this.#posted(after, room)
    const { tail } = this.#blocks
    if (!tail.isWhole) return this.#inRuns(after, room)
    const entries = tail.take(after, this.#filter, sliceOf(room))
    const rows = await this.#rows.numbered(entries, this.#filter.floors)
    return { rows, upTo: entries.at(-1)?.seq ?? Number.POSITIVE_INFINITY }
  }

  async #posted(after: number, room: Room) {
    const block = this.#blocks.of(after + 1)
    const rows: SequencedSourceRow[] = []
    if (this.#current?.block !== block) {
      const posted = await this.#blocks.read(block, this.#topics)
      this.#current = { block, posted }
      if (posted.unsound > 0) rows.push({ seq: after + 1, ...this.#rows.disorder(`block ${block}`, posted.unsound) })
    }
    const entries = this.#current.posted.take(after, this.#filter.accepts, sliceOf(room))
    rows.push(...(await this.#rows.numbered(entries, this.#filter.floors)))
    return { rows, upTo: entries.at(-1)?.seq ?? this.#blocks.before(block + 1) }
  }

  /** A block that is finished meanwhile takes its runs away: then once more. */
  async #inRuns(after: number, room: Room): ReturnType<SequenceSource['next']> {
    const { finished } = this.#blocks
    this.#runs ??= new RunSequence(this.#rows, this.#filter.accepts, this.#filter.floors)
    const found = await this.#runs.next(after, room)
    if (this.#blocks.finished === finished) return found
    this.#runs = undefined
    return this.next(after, room)
  }
}
