import type { CheckedQuery } from '../checked-query.js'
import { pieceOfWork, type Room, type RowSource, SLICE_BYTES, SLICE_ROWS, type SourceRow } from '../page.js'
import { comparePositions, type Position } from '../position.js'
import type { TopicFloors } from '../topic-floors.js'
import type { Blocks, FinishedBlock } from './level-blocks.js'
import type { Census } from './level-census.js'
import type * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import { COSTS } from './level-planner.js'
import { POSTING_ENTRY_BYTES, postedBetween } from './level-posting.js'
import type { LevelRows } from './level-rows.js'

/** Postings read at once, unless one block has more. */
const MAX_POSTINGS = 512
/** What is read at once has no more bytes than that, unless one block has more. */
const MAX_BYTES = 4 * 1024 * 1024
/** Of the end in memory, which is looked through for each page. */
const MAX_TAIL = 8192
/** An end that is shorter does not tell what the traffic is. */
const TELLING = 1024

export interface PostedWalkParts {
  rows: LevelRows
  blocks: Blocks
  ledger: Ledger
  census: Census
  floors: () => TopicFloors
  /** Finds the same by the index of the days, behind a position. */
  indexed: (after: Position | undefined) => RowSource
}

/**
 * Envelopes of some topics by time, out of the postings of the order of ingest: what came together was mostly sent together, so that a few
 * blocks tell what comes next, each with one read for a topic. Where they cannot tell, or it would take longer, the index of the days does.
 */
export class PostedWalk implements RowSource {
  readonly #parts: PostedWalkParts
  readonly #query: CheckedQuery
  readonly #topics: readonly number[]
  /** Finished blocks that are not read yet, in the order of their oldest. */
  #blocks: FinishedBlock[] = []
  /** What was read and not handed out, in order. */
  #entries: layout.Entry[] = []
  /** So many of them come before everything that is not read yet. */
  #certain = 0
  #last: Position | undefined
  #indexed: RowSource | undefined
  #begun = false
  /** Envelopes that a block brings, roughly. */
  #perBlock = 0

  constructor(parts: PostedWalkParts, query: CheckedQuery, topics: readonly number[]) {
    this.#parts = parts
    this.#query = query
    this.#topics = topics
    this.#last = query.after
  }

  async next(room: Room, signal?: AbortSignal | undefined): Promise<SourceRow[] | undefined> {
    const began = performance.now()
    try {
      return await this.#next(room, signal)
    } finally {
      // the index of the days tells itself what it takes
      if (this.#indexed === undefined) this.#parts.census.earn(performance.now() - began)
    }
  }

  async #next(room: Room, signal: AbortSignal | undefined): Promise<SourceRow[] | undefined> {
    const piece = pieceOfWork()
    const { rows, floors, indexed } = this.#parts
    if (!this.#begun) this.#begin(room)
    while (this.#indexed === undefined) {
      signal?.throwIfAborted()
      if (this.#blocks.length > 0 && this.#certain < Math.min(room.rows, SLICE_ROWS)) {
        if (!(await this.#read(room))) this.#indexed = indexed(this.#last)
        if (this.#certain > 0 || this.#blocks.length === 0 || !piece.over) continue
        return undefined
      }
      const entries = this.#take(room)
      const found = await rows.posted(entries, floors)
      if (found.length > 0 || entries.length === 0) return found
      if (piece.over) return undefined
    }
    return this.#indexed.next(room, signal)
  }

  /** Takes what is in memory, and which blocks there are, at the same moment: one that is finished meanwhile is in memory. */
  #begin(room: Room): void {
    this.#begun = true
    const { blocks, indexed } = this.#parts
    const { tail } = blocks
    const { lower, upper } = this.#span
    const finished = blocks.finishedOf(lower, upper)
    const recent = tail.countOf(this.#topics)
    const share = this.#share(recent)
    if (finished === undefined || !tail.isWhole || recent > MAX_TAIL || !this.#isBetter(room, share, finished.length)) {
      this.#indexed = indexed(this.#last)
      return
    }
    this.#perBlock = share * blocks.size
    this.#blocks = finished.sort((a, b) => a.oldest - b.oldest)
    this.#add(tail.between(this.#topics, lower, upper))
  }

  /** Times at which something may be. */
  get #span(): { lower: number; upper: number } {
    const { lower, upper } = this.#query
    return { lower: Math.max(lower, this.#last?.sent ?? 0), upper }
  }

  /** Roughly which share of the traffic the topics are, by what came last. */
  #share(recent: number): number {
    const { blocks, ledger } = this.#parts
    if (blocks.tail.length >= TELLING) return Math.max(1, recent) / blocks.tail.length
    return Math.min(1, this.#topics.length / Math.max(1, ledger.totals.topics))
  }

  /** Whether a page takes less time out of the postings than by reading everything. */
  #isBetter(room: Room, share: number, blocks: number): boolean {
    const perBlock = share * this.#parts.blocks.size
    const rows = Math.min(room.rows, perBlock * Math.max(1, blocks))
    const read = Math.min(blocks, Math.ceil(rows / perBlock))
    const posted = read * (this.#topics.length * COSTS.posting + perBlock * COSTS.postedEntry) + rows * COSTS.postedRow
    return posted < (rows / share) * COSTS.scannedRow
  }

  /** Reads as many blocks as the page probably needs; false when something of them is not as it was written. */
  async #read(room: Room): Promise<boolean> {
    const missing = Math.min(room.rows, room.bytes / this.#averageSize + 1) - this.#certain
    const group = this.#blocks.splice(0, this.#enough(missing)).map(({ block }) => block)
    const { rows, blocks } = this.#parts
    const { postings, unsound } = await blocks.posted(group, this.#topics)
    if (unsound > 0) {
      // for who looks after the files
      rows.disorder(`blocks ${group.join()}`, unsound)
      return false
    }
    const found: layout.Entry[] = []
    for (const ofBlock of postings)
      for (const [i, posting] of ofBlock.entries()) {
        if (posting === undefined) continue
        for (const entry of postedBetween(posting, this.#topics[i] as number, this.#span)) found.push(entry)
      }
    this.#perBlock = (this.#perBlock + found.length / group.length) / 2
    this.#add(found)
    return true
  }

  /** How many of the next blocks to read at once. */
  #enough(rows: number): number {
    const { length } = this.#topics
    const most = Math.min(rows / this.#perBlock + 1, MAX_POSTINGS / length, this.#blocks.length)
    let blocks = 0
    let bytes = 0
    for (const { most: largest } of this.#blocks) {
      bytes += Math.min(this.#parts.blocks.size, largest * length) * POSTING_ENTRY_BYTES
      if (blocks > 0 && (blocks + 1 > most || bytes > MAX_BYTES)) break
      blocks++
    }
    return blocks
  }

  #add(found: layout.Entry[]): void {
    const last = this.#last
    const news = last === undefined ? found : found.filter(entry => comparePositions(entry, last) > 0)
    this.#entries = this.#entries.concat(news).sort(comparePositions)
    const [next] = this.#blocks
    if (next === undefined) this.#certain = this.#entries.length
    else this.#certain = firstFrom(this.#entries, next.oldest)
  }

  /** The next entries in order: at most a slice, and no more bytes than there is room for except by the last one. */
  #take(room: Room): layout.Entry[] {
    const most = Math.min(room.rows, SLICE_ROWS)
    const taken: layout.Entry[] = []
    let bytes = Math.min(room.bytes, SLICE_BYTES)
    let at = 0
    for (; at < this.#certain && taken.length < most && (taken.length === 0 || bytes >= 0); at++) {
      const entry = this.#entries[at] as layout.Entry
      // one that got a new number is named twice
      if (this.#last !== undefined && comparePositions(entry, this.#last) === 0) continue
      this.#last = entry
      taken.push(entry)
      bytes -= entry.size
    }
    this.#entries = this.#entries.slice(at)
    this.#certain -= at
    return taken
  }

  get #averageSize(): number {
    const { envelopes, bytes } = this.#parts.ledger.totals
    return Math.max(1, bytes / Math.max(1, envelopes))
  }
}

/** Where in ascending order the first entry is that was not sent before a time. */
function firstFrom(entries: readonly layout.Entry[], sent: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle] as layout.Entry).sent < sent) low = middle + 1
    else high = middle
  }
  return low
}
