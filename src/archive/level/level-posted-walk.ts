import type { CheckedQuery } from '../checked-query.js'
import { pieceOfWork, type Room, type RowSource, type SourceRow, sliceOf } from '../page.js'
import { comparePositions, inOrder, type Position } from '../position.js'
import type { FinishedBlock } from './level-blocks.js'
import type * as layout from './level-layout.js'
import { isPostedBetter, MAX_HELD } from './level-planner.js'
import type { PostedParts } from './level-posted-entries.js'
import { POSTING_ENTRY_BYTES, postedBetween } from './level-posting.js'
import { Scan } from './level-scan.js'

/** Postings read for one look, unless one block has more. */
const MAX_POSTINGS = 512
/** Of so many topics, before it is asked whether others have their turn. */
const TOPICS_AT_ONCE = 256
/** What is read at once has no more bytes than that, unless one block has more. */
const MAX_BYTES = 4 * 1024 * 1024
/** An end that is shorter does not tell what the traffic is. */
const TELLING = 1024
/** A scan that brings so many times less than was thought is thought over, once it looked at so many envelopes. */
const DISAPPOINTING = 8
const LOOKED_AT = 8192

/** A scan that takes the place of the postings. */
interface Scanning {
  source: RowSource
  /** The last second that it covers. */
  until: number
  /** Envelopes that it looked at, and those of the topics. */
  visited: number
  passed: number
  /** How many it was thought to look at for one; absent when there is no other way. */
  expected?: number | undefined
}

/**
 * Envelopes of some topics by time, out of the postings of the order of ingest: what came together was mostly sent together, so that a few
 * blocks tell what comes next, each with one read for a topic. Where they cannot tell, or it would take longer, all of that time is scanned.
 */
export class PostedWalk implements RowSource {
  readonly #parts: PostedParts
  readonly #query: CheckedQuery
  readonly #topics: readonly number[]
  readonly #wanted: ReadonlySet<number>
  /** Finished blocks that are not read yet, in the order of their oldest. */
  #blocks: FinishedBlock[] = []
  /** Those that are being read, and what was found in them of the topics before `next`. */
  #group: { blocks: FinishedBlock[]; found: layout.Entry[]; next: number } | undefined
  /** What was read and not handed out, in order. */
  #entries: layout.Entry[] = []
  /** So many of them come before everything that is not read yet. */
  #certain = 0
  #lower: number
  #last: Position | undefined
  #scanning: Scanning | undefined
  #begun = false
  /** Envelopes that a block brings, roughly. */
  #perBlock = 0

  constructor(parts: PostedParts, query: CheckedQuery, topics: readonly number[]) {
    this.#parts = parts
    this.#query = query
    this.#topics = topics
    this.#wanted = new Set(topics)
    this.#lower = query.lower
    this.#last = query.after
  }

  async next(room: Room, signal?: AbortSignal | undefined): Promise<SourceRow[] | undefined> {
    const began = performance.now()
    try {
      return await this.#next(room, signal)
    } finally {
      this.#parts.census.earn(performance.now() - began)
    }
  }

  async #next(room: Room, signal: AbortSignal | undefined): Promise<SourceRow[] | undefined> {
    const piece = pieceOfWork()
    const { rows, floors } = this.#parts
    for (;;) {
      signal?.throwIfAborted()
      if (!this.#begun) this.#begin(room)
      if (this.#scanning !== undefined) {
        const found = await this.#scan(this.#scanning, room, signal)
        if (found === undefined || found.length > 0 || this.#begun) return found
        if (piece.over) return undefined
        continue
      }
      const isMore = this.#group !== undefined || this.#blocks.length > 0
      if (isMore && this.#certain < sliceOf(room).rows) {
        await this.#read(room)
        if (this.#group !== undefined && piece.over) return undefined
        if (this.#group !== undefined) continue
        if (this.#scanning !== undefined || this.#certain > 0 || this.#blocks.length === 0 || !piece.over) continue
        return undefined
      }
      const entries = this.#take(room)
      const found = await rows.posted(entries, floors)
      // what is named twice may be all that was certain: that is not the end
      if (found.length > 0 || (entries.length === 0 && !isMore)) return found
      if (piece.over) return undefined
    }
  }

  /**
   * Takes what is in memory, and which blocks there are, at the same moment: one that is finished meanwhile is in memory.
   * @param share - of the traffic that is of the topics, where that is known
   */
  #begin(room: Room, share?: number): void {
    this.#begun = true
    this.#scanning = undefined
    this.#group = undefined
    const { blocks } = this.#parts
    const { tail } = blocks
    const { lower, upper } = this.#span
    const finished = blocks.finishedOf(lower, upper)?.sort((a, b) => a.oldest - b.oldest)
    const recent = tail.countOf(this.#topics)
    const likely = share ?? this.#share(recent)
    if (finished === undefined || !tail.isWhole) {
      this.#beginScan(upper, likely)
      return
    }
    const asked = { topics: this.#topics.length, rows: room.rows, share: likely, recent, lower }
    if (!isPostedBetter(finished, blocks.size, asked)) {
      this.#beginScan(upper, likely, 1 / likely)
      return
    }
    this.#perBlock = likely * blocks.size
    this.#blocks = finished
    this.#entries = []
    this.#certain = 0
    this.#add(tail.between(this.#topics, lower, upper))
  }

  #beginScan(until: number, share: number, expected?: number): void {
    const { lower } = this.#span
    const scanning: Omit<Scanning, 'source'> = { until, visited: 0, passed: 0, expected }
    const accepts = (topic: number): boolean => {
      const passes = this.#wanted.has(topic)
      scanning.visited++
      if (passes) scanning.passed++
      return passes
    }
    const after = this.#last !== undefined && this.#last.sent >= lower ? this.#last : undefined
    const source = new Scan(this.#parts, { lower, upper: until, after }, { accepts, share })
    this.#scanning = Object.assign(scanning, { source })
    this.#group = undefined
    this.#blocks = []
    this.#entries = []
    this.#certain = 0
  }

  async #scan(scanning: Scanning, room: Room, signal: AbortSignal | undefined): Promise<SourceRow[] | undefined> {
    const found = await scanning.source.next(room, signal)
    const last = found?.findLast(({ damaged }) => damaged === undefined)
    if (last !== undefined) this.#last = { sent: last.sent, hash: last.hash }
    if (found?.length === 0 && scanning.until < this.#query.upper) {
      // behind that the postings tell again
      this.#lower = scanning.until + 1
      this.#begun = false
      return found
    }
    const { visited, passed, expected } = scanning
    if (found?.length !== 0 && expected !== undefined && visited > LOOKED_AT) {
      const now = visited / Math.max(1, passed)
      if (now > expected * DISAPPOINTING) this.#begin(room, 1 / now)
    }
    return found
  }

  /** Times at which something may be. */
  get #span(): { lower: number; upper: number } {
    return { lower: Math.max(this.#lower, this.#last?.sent ?? 0), upper: this.#query.upper }
  }

  /** Roughly which share of the traffic the topics are, by what came last. */
  #share(recent: number): number {
    const { blocks, ledger } = this.#parts
    if (blocks.tail.length >= TELLING) return Math.max(1, recent) / blocks.tail.length
    return Math.min(1, this.#topics.length / Math.max(1, ledger.totals.topics))
  }

  /**
   * Reads as many blocks as the page probably needs, of some of the topics, and of the next ones when it is called again; begins a scan
   * of their time when something of them is not as it was written.
   */
  async #read(room: Room): Promise<void> {
    this.#group ??= { blocks: this.#nextBlocks(room), found: [], next: 0 }
    const group = this.#group
    const topics = this.#topics.slice(group.next, group.next + TOPICS_AT_ONCE)
    const numbers = group.blocks.map(({ block }) => block)
    const { rows, blocks } = this.#parts
    const { postings, unsound } = await blocks.posted(numbers, topics)
    const share = (): number => Math.max(this.#perBlock, 1) / blocks.size
    if (unsound > 0) {
      // for who looks after the files
      rows.disorder(`blocks ${numbers.join()}`, unsound)
      const newest = Math.max(...group.blocks.map(({ newest }) => newest))
      this.#beginScan(Math.min(this.#query.upper, newest), share())
      return
    }
    for (const ofBlock of postings)
      for (const [i, posting] of ofBlock.entries()) {
        if (posting === undefined) continue
        for (const entry of postedBetween(posting, topics[i] as number, this.#span)) group.found.push(entry)
      }
    group.next += topics.length
    if (group.next < this.#topics.length) return
    this.#group = undefined
    this.#perBlock = (this.#perBlock + group.found.length / group.blocks.length) / 2
    if (this.#entries.length + group.found.length > 2 * MAX_HELD) this.#beginScan(this.#query.upper, share())
    else this.#add(group.found)
  }

  #nextBlocks(room: Room): FinishedBlock[] {
    const missing = Math.min(room.rows, room.bytes / this.#averageSize + 1) - this.#certain
    return this.#blocks.splice(0, this.#enough(missing))
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
    this.#entries = inOrder(this.#entries.concat(news))
    const [next] = this.#blocks
    if (next === undefined) this.#certain = this.#entries.length
    else this.#certain = firstFrom(this.#entries, next.oldest)
  }

  /** The next entries in order: at most a slice, and no more bytes than there is room for except by the last one. */
  #take(room: Room): layout.Entry[] {
    const slice = sliceOf(room)
    const taken: layout.Entry[] = []
    let { bytes } = slice
    let at = 0
    for (; at < this.#certain && taken.length < slice.rows && (taken.length === 0 || bytes >= 0); at++) {
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
