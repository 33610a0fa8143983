import type {
  LevelIterator,
  LevelOperation,
  LevelOperations,
  LevelReadOptions,
  LevelStore
} from '../../src/archive/database/level-store.js'
import { POSTING_ENTRY_BYTES } from '../../src/archive/level/level-posting.js'

/** The letters of their tables. */
const ENVELOPES = 0x65
const POSTINGS = 0x70

/** Counts from outside what an archive reads of its database, and writes there. */
export class CountingStore implements LevelStore {
  readonly #inner: LevelStore
  /** Entries that iterators returned, and those of postings. */
  visited = 0
  /** Iterators opened. */
  seeks = 0
  /** Iterators open now. */
  open = 0
  /** The most that were open at the same time. */
  mostOpen = 0
  /** The most bytes that an iterator had read last when it was closed: LevelDB's binding keeps a copy of those. */
  mostKept = 0
  /** Values fetched by key. */
  gets = 0
  /** Of those, envelopes. */
  lookups = 0
  /** And postings, whether there are any or not. */
  postings = 0
  /** The most of them at a time. */
  mostPostings = 0
  /** Batches that were synced. */
  syncs = 0
  /** Keys put. */
  puts = 0
  /** Times at which something was read while nothing else was: reads that wait for each other. */
  waits = 0
  #reading = 0

  constructor(inner: LevelStore) {
    this.#inner = inner
  }

  reset(): void {
    this.visited = 0
    this.seeks = 0
    this.gets = 0
    this.lookups = 0
    this.postings = 0
    this.mostPostings = 0
    this.syncs = 0
    this.puts = 0
    this.waits = 0
  }

  async #read<T>(reading: () => Promise<T>): Promise<T> {
    if (this.#reading++ === 0) this.waits++
    try {
      return await reading()
    } finally {
      this.#reading--
    }
  }

  iterator(options: LevelReadOptions): LevelIterator {
    const inner = this.#inner.iterator(options)
    this.seeks++
    this.mostOpen = Math.max(this.mostOpen, ++this.open)
    let kept = 0
    return {
      nextv: async count => {
        const found = await this.#read(() => inner.nextv(count))
        this.visited += found.length
        kept = found.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
        return found
      },
      seek: target => inner.seek(target),
      close: async () => {
        this.open--
        this.mostKept = Math.max(this.mostKept, kept)
        await inner.close()
      }
    }
  }

  batch: LevelStore['batch'] = (operations, options) => {
    if (options.sync) this.syncs++
    return this.#inner.batch(this.#counted(operations), options)
  };

  *#counted(operations: LevelOperations): Generator<LevelOperation, void> {
    for (const operation of operations) {
      if (operation.type === 'put') this.puts++
      yield operation
    }
  }

  getMany: LevelStore['getMany'] = async keys => {
    this.gets += keys.length
    this.lookups += keys.filter(key => key[3] === ENVELOPES).length
    this.mostPostings = Math.max(this.mostPostings, keys.filter(key => key[3] === POSTINGS).length)
    const values = await this.#read(() => this.#inner.getMany(keys))
    keys.forEach((key, i) => {
      if (key[3] !== POSTINGS) return
      this.postings++
      this.visited += (values[i]?.length ?? 0) / POSTING_ENTRY_BYTES
    })
    return values
  }

  compactRange: LevelStore['compactRange'] = (start, end) => this.#inner.compactRange(start, end)
}
