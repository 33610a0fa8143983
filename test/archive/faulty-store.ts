import type { LevelOperation, LevelOperations, LevelStore } from '../../src/archive/database/level-store.js'

/** A database whose next writes fail. */
export class FaultyStore implements LevelStore {
  readonly #inner: LevelStore
  /** What becomes of a write: it succeeds, fails with nothing on disk, or fails although it is on disk. */
  writes: 'succeed' | 'fail' | 'fail afterwards' = 'succeed'
  /** Every write that was asked for. */
  readonly batches: { operations: LevelOperation[]; sync: boolean }[] = []
  /** Called with each write before it happens. */
  onWrite: (operations: LevelOperation[]) => void = () => {}
  /** Called with each range that begins to be read. */
  onRead: (options: Parameters<LevelStore['iterator']>[0]) => void = () => {}
  /** Awaited before each write. */
  gate: Promise<void> = Promise.resolve()

  constructor(inner: LevelStore) {
    this.#inner = inner
  }

  async batch(written: LevelOperations, options: { sync: boolean }): Promise<void> {
    const operations = [...written]
    this.batches.push({ operations, sync: options.sync })
    this.onWrite(operations)
    await this.gate
    if (this.writes === 'fail') throw new Error('input/output error')
    await this.#inner.batch(operations, options)
    if (this.writes === 'fail afterwards') throw new Error('input/output error')
  }

  getMany: LevelStore['getMany'] = keys => this.#inner.getMany(keys)
  iterator: LevelStore['iterator'] = options => {
    this.onRead(options)
    return this.#inner.iterator(options)
  }
  compactRange: LevelStore['compactRange'] = (start, end) => this.#inner.compactRange(start, end)
}
