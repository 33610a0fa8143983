import type { LevelOperation, LevelRange, LevelStore } from '../database/level-store.js'
import type { TopicFloors } from '../topic-floors.js'
import { KnownContents } from './known-contents.js'
import { listBlock, postBlock } from './level-block-finish.js'
import { type BlockSpan, isOlderBlock, readBlockSpan } from './level-block-span.js'
import { readBlockState, writeBlockState } from './level-block-state.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import { PostedBlock } from './level-posted-block.js'
import { type Gathered, type Posted, PostingReader } from './level-posting-reader.js'
import { getReadable, type Reading, readThrough } from './level-reader.js'
import { Renewed } from './level-renewed.js'
import { isRunMissing, throughRuns } from './level-runs.js'
import { IngestTail } from './level-tail.js'

const BLOCKS_KEY = layout.metaKey('blocks')
/** Blocks read at once. */
const BLOCKS = 1000
/** Blocks read as a whole that are kept, of some 3 MB each: who reads everything comes back for the next page. */
const MAX_KEPT = 2
/** Blocks that the end in memory may have. */
const MAX_TAIL = 4

/** Numbers of a block: as many as an offset of two bytes tells. */
export const BLOCK_SIZE = 65_536

/** What makes a block of runs one of postings: operations of one batch, and what to do once it is on disk. */
export interface Finish {
  operations: LevelOperation[]
  /** Something was not on disk as it was stored, and came out of memory. */
  damaged: boolean
  /** Whether nothing happened meanwhile that makes it wrong. */
  isCurrent(): boolean
  apply(): void
}

export interface BlocksInit {
  store: LevelStore
  ledger: Ledger
  /** Numbers of a block, where none is finished yet; 1..65,536. */
  size: number
  /** What was sent before them may have been pruned. */
  floors: () => TopicFloors
  /** Does something while nothing is written; undefined when that takes too long to come. */
  between: <T>(work: () => Promise<T>) => Promise<T | undefined>
}

/** A finished block, and of which times it is. */
export interface FinishedBlock extends BlockSpan {
  block: number
}

/**
 * The order of ingest in blocks of equally many numbers: the last ones are in runs, as they came, and in memory by topic; those before are
 * finished, and in postings by topic.
 */
export class Blocks {
  readonly tail: IngestTail
  /** What two numbers name. */
  readonly renewed: Renewed
  readonly #store: LevelStore
  readonly #ledger: Ledger
  readonly #kept = new Map<number, PostedBlock>()
  readonly #contents: KnownContents
  readonly #postings: PostingReader
  readonly #floors: () => TopicFloors
  readonly #between: BlocksInit['between']
  readonly #given: number
  #size: number
  #finished = 0
  /** Of the finished blocks that have something; absent when something of that cannot be read. */
  #spans: Map<number, BlockSpan | undefined> | undefined
  /** Those that an older version finished, which did not write down what they have. */
  #older: number[] = []
  /** Whether something of the end cannot be read, or is gone. */
  #isTailDamaged = false
  /** How often everything was taken from disk anew. */
  #loaded = 0

  constructor({ store, ledger, size, floors, between }: BlocksInit) {
    this.#store = store
    this.#ledger = ledger
    this.#floors = floors
    this.#between = between
    this.#contents = new KnownContents(store)
    const isListed = (block: number) => this.#spans && this.#spans.get(block) !== undefined
    this.#postings = new PostingReader({ store, contents: this.#contents, floors, isListed })
    this.#given = size
    this.#size = size
    this.tail = new IngestTail(MAX_TAIL * size)
    this.renewed = new Renewed(store)
  }

  /** The block of a number. */
  of(seq: number): number {
    return Math.floor((seq - 1) / this.#size)
  }

  /** The last number before a block. */
  before(block: number): number {
    return block * this.#size
  }

  /** How many numbers from one on are of its block, at most so many. */
  within(seq: number, most: number): number {
    return Math.min(most, this.before(this.of(seq) + 1) - seq + 1)
  }

  /** Numbers of a block. */
  get size(): number {
    return this.#size
  }

  /** So many are finished. */
  get finished(): number {
    return this.#finished
  }

  /** Everything up to this number is in finished blocks. */
  get end(): number {
    return this.before(this.#finished)
  }

  /** Whether another block can be finished: the counts need no run of it any more; or one of an older version be taken over. */
  get isDue(): boolean {
    return this.#older.length > 0 || this.#isNextDue
  }

  /** Whether a repair has to make a part of the end anew. */
  get isTailDamaged(): boolean {
    return this.#isTailDamaged
  }

  get #isNextDue(): boolean {
    return this.#ledger.totals.counted >= this.before(this.#finished + 1)
  }

  /**
   * Takes what there is from disk.
   * @param takeCounts - has the ledger take what it read: at the same moment, or its last number would be beyond what is in memory here
   */
  async load(takeCounts: () => void = () => {}): Promise<void> {
    this.#spans = undefined
    const [value] = await getReadable(this.#store, [BLOCKS_KEY])
    const known = value ? readBlockState(value) : undefined
    const finished = known?.finished ?? 0
    const { entries } = await readThrough(this.#store, layout.runsFrom(0), 1)
    const [first] = entries
    const postedBlocks = await this.#postedBlocks()
    takeCounts()
    this.#size = known?.size ?? this.#given
    // what finished a block may be lost with a damaged log: then its runs are there still
    const whole = Math.floor(this.#ledger.totals.lastSeq / this.#size)
    const posted = Math.max(finished, Math.min(postedBlocks, whole))
    const isRun = first !== undefined && layout.isWhole(first[0])
    this.#finished = isRun ? Math.min(posted, this.of(layout.readRunSeq(first[0]))) : posted
    this.#kept.clear()
    this.#contents.clear()
    this.#loaded++
    await this.#loadTail()
    await this.renewed.load()
    this.#spans = await this.#loadSpans()
  }

  /**
   * The finished blocks that may have envelopes of a time, lower <= sent <= upper. Undefined when that cannot be told: something cannot be
   * read, or was written by an older version.
   */
  finishedOf(lower: number, upper: number): FinishedBlock[] | undefined {
    if (this.#spans === undefined) return undefined
    const found: FinishedBlock[] = []
    for (const [block, span] of this.#spans) {
      if (span === undefined) return undefined
      if (span.newest >= lower && span.oldest <= upper) found.push({ block, ...span })
    }
    return found
  }

  /** To be told that nothing is left of a finished block. */
  forgotten(block: number): void {
    this.#spans?.delete(block)
    this.#contents.forget(block)
    this.#older = this.#older.filter(older => older !== block)
  }

  /** To be told of what was stored, in runs of which each begins where the one before ended. */
  appended(firstSeq: number, runs: Iterable<Uint8Array>): void {
    let seq = firstSeq
    for (const run of runs) {
      this.tail.addRun(seq, run)
      seq += run.length / layout.RUN_ENTRY_BYTES
    }
  }

  /** What finishes the next block, or takes over an older one, to be written while `isCurrent`; absent when something of it cannot be read. */
  async finish(): Promise<Finish | undefined> {
    const [older] = this.#older
    return older === undefined ? this.#finishNext() : this.#takeOver(older)
  }

  async #finishNext(): Promise<Finish | undefined> {
    const [block, loaded] = [this.#finished, this.#loaded]
    const [before, end] = [this.before(block), this.before(block + 1)]
    const made = await postBlock(block, { before, end, store: this.#store, tail: this.tail, floors: this.#floors })
    if (made === undefined) return undefined
    const { operations, span, contents, damaged } = made
    return {
      operations: [...operations, { type: 'put', key: BLOCKS_KEY, value: writeBlockState(block + 1, this.#size) }],
      damaged,
      isCurrent: () => this.#finished === block && this.#loaded === loaded,
      apply: () => {
        this.#finished = block + 1
        if (contents !== undefined) this.#list(block, span, contents)
        this.tail.dropUntil(end + 1)
      }
    }
  }

  /** Lists what a block has that an older version finished. */
  async #takeOver(block: number): Promise<Finish | undefined> {
    const loaded = this.#loaded
    const made = await listBlock(block, this.#postings)
    if (made === undefined) {
      this.#older.shift() // a repair does it
      return undefined
    }
    const { operations, span, contents } = made
    return {
      operations,
      damaged: false,
      isCurrent: () => this.#older[0] === block && this.#loaded === loaded,
      apply: () => {
        this.#older.shift()
        this.#list(block, span, contents)
      }
    }
  }

  #list(block: number, span: BlockSpan, contents: Uint8Array): void {
    this.#spans?.set(block, span)
    this.#contents.set(block, contents)
  }

  /** What an older version left is taken into memory once it is little enough. */
  async settleTail(): Promise<void> {
    if (!this.tail.isWhole) await this.#loadTail()
  }

  /** All that a finished block has, as it is read, into what gathers it. */
  async gather<T extends Gathered>(block: number, begin: () => T): Promise<T> {
    return this.#surely(async () => {
      const gathered = begin()
      await this.#postings.all(block, gathered)
      return gathered
    })
  }

  /** What a finished block has of some topics, or of all. */
  async read(block: number, topics?: readonly number[] | undefined): Promise<PostedBlock> {
    const kept = this.#kept.get(block)
    if (kept !== undefined) return kept
    return this.#surely(() => this.#read(block, topics))
  }

  /** What finished blocks have of topics, each held against what the block listed when it was finished. */
  async posted(blocks: readonly number[], topics: readonly number[]): Promise<Posted> {
    return this.#surely(() => this.#postings.ofTopics(blocks, topics))
  }

  /** What seems wrong is read once more while nothing is written: a prune or a repair may be under way. */
  async #surely<T extends { unsound: number }>(read: () => Promise<T>): Promise<T> {
    const found = await read()
    return found.unsound === 0 ? found : ((await this.#between(read)) ?? found)
  }

  async #read(block: number, topics: readonly number[] | undefined): Promise<PostedBlock> {
    const loaded = this.#loaded
    const posted = new PostedBlock(this.before(block), this.#size)
    if (topics === undefined) {
      await this.#postings.all(block, posted)
      const [oldest] = this.#kept.keys()
      if (oldest !== undefined && this.#kept.size >= MAX_KEPT) this.#kept.delete(oldest)
      if (posted.unsound === 0 && this.#loaded === loaded) this.#kept.set(block, posted)
      return posted
    }
    const { postings, unsound } = await this.#postings.ofTopics([block], topics)
    postings[0]?.forEach((posting, i) => {
      if (posting !== undefined) posted.add(topics[i] as number, posting)
    })
    posted.unsound = unsound
    return posted
  }

  /** How many blocks have to be finished for there to be the last posting: what says it has no checksum, and may be gone. */
  async #postedBlocks(): Promise<number> {
    const { entries } = await readThrough(this.#store, { ...layout.allPostings(), reverse: true }, 1)
    const [last] = entries
    return last === undefined || !layout.isWhole(last[0]) ? 0 : layout.readPostingBlock(last[0]) + 1
  }

  async #loadSpans(): Promise<Map<number, BlockSpan | undefined> | undefined> {
    const spans = new Map<number, BlockSpan | undefined>()
    this.#older = []
    const bounds = layout.allBlocks()
    for (let range: LevelRange | undefined = bounds; range !== undefined; ) {
      const { entries, hole }: Reading = await readThrough(this.#store, range, BLOCKS)
      if (hole) return undefined
      for (const [key, value] of entries) {
        if (!layout.isWhole(key)) return undefined
        const block = layout.readBlock(key)
        if (block >= this.#finished) continue
        spans.set(block, readBlockSpan(block, value))
        if (isOlderBlock(value)) this.#older.push(block)
      }
      const last = entries.at(-1)
      range = last && { gt: last[0], lt: bounds.lt }
    }
    return (await this.#areAll(spans)) ? spans : undefined
  }

  /** Whether no other block has a posting: what is listed may be lost. */
  async #areAll(spans: ReadonlyMap<number, unknown>): Promise<boolean> {
    let next = 0
    for (const block of [...spans.keys(), this.#finished]) {
      if (block > next) {
        const unlisted = { gte: layout.postingKey(next, 0), lt: layout.postingKey(block, 0) }
        const { entries, hole } = await readThrough(this.#store, unlisted, 1)
        if (hole || entries.length > 0) return false
      }
      next = block + 1
    }
    return true
  }

  /** Until all of it is read who asks has to look on disk: what is half there would be taken for all. */
  async #loadTail(): Promise<void> {
    this.tail.giveUp()
    this.#isTailDamaged = false
    const { lastSeq } = this.#ledger.totals
    if (lastSeq - this.end > MAX_TAIL * this.#size) return
    const runs = new Map<number, [firstSeq: number, run: Uint8Array]>()
    const read = await throughRuns(this.#store, { after: this.end, last: lastSeq }, (lastSeq, run, firstSeq) => {
      if (run !== undefined) runs.set(lastSeq, [firstSeq, run])
      return run !== undefined
    })
    this.#isTailDamaged = !read || (await isRunMissing(this.#store, this.end, lastSeq => runs.has(lastSeq)))
    if (this.#isTailDamaged) return
    this.tail.reset(this.end + 1)
    for (const [firstSeq, run] of runs.values()) this.tail.addRun(firstSeq, run)
  }
}
